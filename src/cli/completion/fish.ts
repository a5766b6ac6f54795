// The script for fish. All is in it: a TAB starts no process.
import { tables } from "./table.js"
import type { Typed, Values, Word } from "./words.js"

export function fish(typed: Typed): string {
  const { enter, flags, args } = tables(typed)
  return `# Completion of pgtrail for fish, made by: pgtrail completion fish

function __pgtrail_enter
    switch (string trim -- "$argv[1] $argv[2]")
${enter.map(([left, path]) => `        case ${quoted(left)}\n            echo ${quoted(path)}`).join("\n")}
        case '*'
            return 1
    end
end

function __pgtrail_flag
    switch "$argv[1] $argv[2]"
${flags.map(([patterns, values]) => `        case ${patterns.map(quoted).join(" ")}\n            ${lines(values)}`).join("\n")}
        case '*'
            return 1
    end
end

function __pgtrail_argument
    switch "$argv[1] $argv[2]"
${args.map(([pattern, values]) => `        case ${quoted(pattern)}\n            ${lines(values)}`).join("\n")}
        case '*'
            return 1
    end
end

function __pgtrail_words
    switch "$argv[1]"
${typed.places
  .filter(({ words }) => words.length > 0)
  .map(({ path, words }) => `        case ${quoted(path)}\n            ${described(words)}`)
  .join("\n")}
        case '*'
            return 1
    end
end

function __pgtrail_flags
    switch "$argv[1]"
${typed.places.map(({ path, flags: words }) => `        case ${quoted(path)}\n            ${described(words)}`).join("\n")}
    end
end

# Prints the values, each behind the text $argv[1]; "!file" stands for files, "!unknown" for what nobody can guess.
function __pgtrail_values
    set -l before $argv[1]
    set -l token $argv[2]
    switch "$argv[3]"
        case '!file'
            for path in (__fish_complete_path $token)
                echo $before$path
            end
        case '!unknown'
        case 'file:'
            if string match -q 'file:*' -- $token
                for path in (__fish_complete_path (string sub -s 6 -- $token))
                    echo $before"file:"$path
                end
            else
                printf '%s\\n' $before$argv[3..-1]
            end
        case '*'
            printf '%s\\n' $before$argv[3..-1]
    end
end

function __pgtrail
    set -l typed (commandline -opc)
    set -l token (commandline -ct)
    set -l at ''
    set -l arguments 0
    set -l ended 0
    set -l values
    for word in $typed[2..-1]
        if set -q values[1]
            set values
        else if test $ended = 1
            set arguments (math $arguments + 1)
        else if test "$word" = --
            set ended 1
        else if string match -q -- '-*' $word
            set values (__pgtrail_flag "$at" $word)
        else if set -l next (__pgtrail_enter "$at" $word)
            set at $next
        else
            set arguments (math $arguments + 1)
        end
    end
    if set -q values[1]
        __pgtrail_values '' "$token" $values
    else if test $ended = 0; and string match -q -- '--*=*' $token
        set -l parts (string split -m 1 = -- $token)
        set values (__pgtrail_flag "$at" $parts[1])
        and __pgtrail_values "$parts[1]=" "$parts[2]" $values
    else if test $ended = 0; and string match -q -- '-*' $token
        __pgtrail_flags "$at"
    else if test $ended = 0 -a $arguments = 0; and __pgtrail_words "$at"
        return
    else if set values (__pgtrail_argument "$at" $arguments)
        __pgtrail_values '' "$token" $values
    else if test $ended = 0
        __pgtrail_flags "$at"
    end
end

complete -c pgtrail -f -a '(__pgtrail)'
`
}

function lines(values: Values): string {
  return `printf '%s\\n' ${(typeof values === "string" ? [`!${values}`] : values).map(quoted).join(" ")}`
}

function described(words: readonly Word[]): string {
  return `printf '%s\\t%s\\n' ${words.flatMap(({ word, says }) => [quoted(word), quoted(says)]).join(" ")}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
}
