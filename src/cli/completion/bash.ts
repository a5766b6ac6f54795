// The script for bash, from 3.2 on, which macOS has. All is in it: a TAB starts no process.
import { tables } from "./table.js"
import type { Typed, Values } from "./words.js"

export function bash(typed: Typed): string {
  const { enter, flags, args } = tables(typed)
  return `# Completion of pgtrail for bash, made by: pgtrail completion bash

# Where the word $2 leads from the place $1.
_pgtrail_enter() {
    case "\${1:+$1 }$2" in
${enter.map(([left, path]) => `        ${quoted(left)}) at=${quoted(path)} ;;`).join("\n")}
        *) return 1 ;;
    esac
}

# What the flag $2 takes at the place $1; fails where it takes nothing.
_pgtrail_flag() {
    case "$1 $2" in
${flags.map(([patterns, values]) => `        ${patterns.map(glob).join(" | ")}) ${assignment(values)} ;;`).join("\n")}
        *) return 1 ;;
    esac
}

# What argument $2, counted from 0, is at the place $1.
_pgtrail_argument() {
    case "$1 $2" in
${args.map(([pattern, values]) => `        ${glob(pattern)}) ${assignment(values)} ;;`).join("\n")}
        *) return 1 ;;
    esac
}

_pgtrail_words() {
    case "$1" in
${typed.places
  .filter(({ words }) => words.length > 0)
  .map(
    ({ path, words }) =>
      `        ${quoted(path)}) values=${quoted(words.map(({ word }) => word).join(" "))} ;;`,
  )
  .join("\n")}
        *) return 1 ;;
    esac
}

_pgtrail_flags() {
    case "$1" in
${typed.places.map(({ path, flags }) => `        ${quoted(path)}) values=${quoted(flags.map(({ word }) => word).join(" "))} ;;`).join("\n")}
    esac
}

_pgtrail() {
    local cur=\${COMP_WORDS[COMP_CWORD]} at= kind= values= word start ended= i=1 n=0
    COMPREPLY=()
    while [ "$i" -lt "$COMP_CWORD" ]; do
        word=\${COMP_WORDS[i]}
        kind=
        if [ -n "$ended" ]; then
            n=$((n + 1))
        elif [ "$word" = -- ]; then
            ended=1
        elif [ "\${word#-}" != "$word" ]; then
            if _pgtrail_flag "$at" "$word"; then
                # bash makes words of "=" and ":" too.
                i=$((i + 1))
                if [ "\${COMP_WORDS[i]}" = "=" ]; then i=$((i + 1)); fi
                start=\${COMP_WORDS[i]}
                while [ "\${COMP_WORDS[i + 1]}" = ":" ] && [ "$i" -lt "$COMP_CWORD" ]; do
                    i=$((i + 2))
                    kind=unknown
                    values=
                    if [ "$start" = file ]; then kind=file; fi
                done
            fi
        elif ! _pgtrail_enter "$at" "$word"; then
            n=$((n + 1))
        fi
        i=$((i + 1))
    done
    # The loop went past the word under the cursor: that is the value of a flag.
    if [ "$i" -le "$COMP_CWORD" ]; then
        kind=
        values=
        if [ -z "$ended" ] && [ "\${cur#-}" != "$cur" ]; then
            _pgtrail_flags "$at"
        elif [ "$n" -eq 0 ] && [ -z "$ended" ] && _pgtrail_words "$at"; then
            :
        elif ! _pgtrail_argument "$at" "$n" && [ -z "$ended" ]; then
            _pgtrail_flags "$at"
        fi
    fi
    case $cur in = | :) cur= ;; esac
    # An empty answer makes bash complete the name of a file.
    if [ "$kind" = file ]; then return; fi
    compopt +o default +o bashdefault 2>/dev/null
    case $values in *:) compopt -o nospace 2>/dev/null ;; esac
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
}

complete -o bashdefault -o default -F _pgtrail pgtrail
`
}

function assignment(values: Values): string {
  return typeof values === "string" ? `kind=${values}` : `values=${quoted(values.join(" "))}`
}

/** "* --url" matches that flag at every place. */
export function glob(pattern: string): string {
  if (pattern.startsWith("* ")) return `*${quoted(pattern.slice(1))}`
  return pattern.endsWith(" *") ? `${quoted(pattern.slice(0, -1))}*` : quoted(pattern)
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
