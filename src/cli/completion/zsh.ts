// The script for zsh: to be sourced, or a file _pgtrail in a folder of $fpath. All is in it: a TAB starts no process.
import { glob, quoted } from "./bash.js"
import { tables } from "./table.js"
import type { Typed, Values, Word } from "./words.js"

export function zsh(typed: Typed): string {
  const { enter, flags, args } = tables(typed)
  return `#compdef pgtrail
# Completion of pgtrail for zsh, made by: pgtrail completion zsh

_pgtrail_enter() {
  case "\${1:+$1 }$2" in
${enter.map(([left, path]) => `    ${quoted(left)}) at=${quoted(path)} ;;`).join("\n")}
    *) return 1 ;;
  esac
}

_pgtrail_flag() {
  case "$1 $2" in
${flags.map(([patterns, values]) => `    ${patterns.map(glob).join("|")}) ${assignment(values)} ;;`).join("\n")}
    *) return 1 ;;
  esac
}

_pgtrail_argument() {
  case "$1 $2" in
${args.map(([pattern, values]) => `    ${glob(pattern)}) ${assignment(values)} ;;`).join("\n")}
    *) return 1 ;;
  esac
}

_pgtrail_words() {
  case "$1" in
${typed.places
  .filter(({ words }) => words.length > 0)
  .map(({ path, words }) => `    ${quoted(path)}) said=(${described(words)}) ;;`)
  .join("\n")}
    *) return 1 ;;
  esac
}

_pgtrail_flags() {
  case "$1" in
${typed.places.map(({ path, flags: words }) => `    ${quoted(path)}) said=(${described(words)}) ;;`).join("\n")}
  esac
  _describe -o option said
}

_pgtrail_values() {
  if [[ $kind = file ]]; then
    _files
  elif [[ $values[1] = file: ]]; then
    if compset -P 'file:'; then _files; else compadd -S '' -- $values; fi
  elif (( $#values )); then
    compadd -- $values
  fi
}

_pgtrail() {
  local at= kind= word
  local -a said values
  integer i=2 n=0 ended=0
  while (( i < CURRENT )); do
    word=$words[i]
    if (( ended )); then
      n=n+1
    elif [[ $word = -- ]]; then
      ended=1
    elif [[ $word = -* ]]; then
      if [[ $word != *=* ]] && _pgtrail_flag "$at" "$word"; then
        i=i+1
        if (( i == CURRENT )); then _pgtrail_values; return; fi
        kind= values=()
      fi
    elif ! _pgtrail_enter "$at" "$word"; then
      n=n+1
    fi
    i=i+1
  done
  if (( ! ended )) && [[ $PREFIX = --*=* ]]; then
    if _pgtrail_flag "$at" "\${PREFIX%%=*}"; then compset -P '*='; _pgtrail_values; fi
  elif (( ! ended )) && [[ $PREFIX = -* ]]; then
    _pgtrail_flags "$at"
  elif (( ! ended && n == 0 )) && _pgtrail_words "$at"; then
    _describe command said
  elif _pgtrail_argument "$at" "$n"; then
    _pgtrail_values
  elif (( ! ended )); then
    _pgtrail_flags "$at"
  fi
}

if [[ $funcstack[1] = _pgtrail ]]; then _pgtrail "$@"; else compdef _pgtrail pgtrail; fi
`
}

function assignment(values: Values): string {
  return typeof values === "string" ? `kind=${values}` : `values=(${values.map(quoted).join(" ")})`
}

function described(words: readonly Word[]): string {
  return words.map(({ word, says }) => quoted(`${word}:${says}`)).join(" ")
}
