// pgtrail completion: the script that teaches a shell what can be typed. Reads no database.
import { arg, command } from "../cli/command.js"
import { commands } from "../cli/commands.js"
import { bash } from "../cli/completion/bash.js"
import { fish } from "../cli/completion/fish.js"
import { completionWords, type Typed } from "../cli/completion/words.js"
import { zsh } from "../cli/completion/zsh.js"
import { TrailError } from "../data/errors.js"

const shells: Readonly<Record<string, (typed: Typed) => string>> = { bash, zsh, fish }

export default command({
  summary: "print the script with which a shell completes commands and options",
  description:
    "Completes commands, options, their values where the list is closed, and file names. All is in the script: pressing TAB starts " +
    "nothing. Make it anew after an upgrade.",
  args: { shell: arg("bash, zsh or fish", "required", Object.keys(shells)) },
  examples: [
    {
      run: "pgtrail completion bash > ~/.local/share/bash-completion/completions/pgtrail",
      shows: "for bash; without the package bash-completion: source the file in ~/.bashrc",
    },
    { run: "pgtrail completion zsh > /usr/local/share/zsh/site-functions/_pgtrail", shows: "for zsh" },
    { run: "pgtrail completion fish > ~/.config/fish/completions/pgtrail.fish", shows: "for fish" },
  ],
  async run({ args }) {
    const write = Object.hasOwn(shells, args.shell) ? shells[args.shell] : undefined
    if (write === undefined) {
      throw new TrailError(
        "usage",
        `no completion for ${JSON.stringify(args.shell)}, only for bash, zsh and fish`,
        {
          hint: "pgtrail completion bash",
        },
      )
    }
    const script = write(await completionWords(commands))
    return {
      schema: "pgtrail.completion/1",
      columns: [{ name: "shell" }, { name: "script" }],
      rows: [{ shell: args.shell, script }],
      text: script,
    }
  },
})
