// pgtrail gdpr request close: what a request came to, by an act.
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { arg, choice, command, file, required, text } from "../../../cli/command.js"
import { requestReport } from "../../../cli/request-report.js"
import { TrailError } from "../../../data/errors.js"
import { requestOutcomes } from "../../../data/subject/request.js"
import { quoted } from "../../../data/words.js"

export default command({
  summary: "close a request with what it came to, by an act",
  description:
    "--receipt is what the person was given: the receipt of an erasure, or the manifest of an export; its sha256 stays in the register and in the act. What was refused, or " +
    "answered in part, takes the reason that the person is told. Needs the role pgtrail_privacy.",
  args: { request: arg("its number") },
  options: {
    outcome: required(choice("--outcome <word>", "what it came to", requestOutcomes)),
    by: text("--by <who>", "who closes it; without it, the role"),
    receipt: file("--receipt <file>", "what the person was given: its sha256 is kept"),
    reason: text("--reason <text>", "why it is refused, or answered in part; stays in the act"),
  },
  examples: [
    {
      run: "pgtrail gdpr request close 2026-7 --outcome done --receipt receipt.json",
      shows: "it is answered",
    },
  ],
  async run({ args, options, session }) {
    const { outcome, by, reason } = options
    const receipt =
      options.receipt === undefined
        ? undefined
        : await digestOf(options.receipt, session.path(options.receipt), args.request, outcome)
    const trail = await session.trail()
    return requestReport(await trail.closeRequest(args.request, { outcome, by, receipt, reason }))
  },
})

async function digestOf(typed: string, path: string, request: string, outcome: string): Promise<string> {
  const receipt = await contentOf(typed, path)
  const { complete, request: of } = said(receipt)
  if (typeof of === "string" && of !== request) {
    throw new TrailError("usage", `the receipt ${typed} is of another request, ${quoted(of)}`, {
      hint: "nothing was closed; name the receipt that this one was answered with",
    })
  }
  if (outcome === "done" && complete === false) {
    throw new TrailError("usage", `the receipt ${typed} says that the erasure is not complete`, {
      hint: "nothing was closed; run it again until it is, or close it with --outcome partly --reason WHY",
    })
  }
  return createHash("sha256").update(receipt).digest("hex")
}

/** A receipt of an erasure, or the manifest of an export; what is neither says nothing. */
function said(receipt: Buffer): { readonly complete?: unknown; readonly request?: unknown } {
  try {
    return Object(JSON.parse(receipt.toString("utf8")))
  } catch {
    return {}
  }
}

async function contentOf(typed: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new TrailError("file", `the receipt ${typed} cannot be read`, {
      hint: "nothing was closed",
      cause: error,
    })
  }
}
