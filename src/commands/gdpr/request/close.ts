// pgtrail gdpr request close: what a request came to, by an act.
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { arg, choice, command, file, required, text } from "../../../cli/command.js"
import { requestReport } from "../../../cli/request-report.js"
import { fileError } from "../../../data/checkpoint/files.js"
import { TrailError } from "../../../data/errors.js"
import { receiptSchema } from "../../../data/subject/receipt.js"
import { type CloseOptions, requestOutcomes } from "../../../data/subject/request.js"
import { quoted } from "../../../data/words.js"

export default command({
  summary: "close a request with what it came to, by an act",
  description:
    "--receipt is what the person was given: the receipt of an erasure, or the manifest of an export; its sha256 stays in the register and in the act. What was refused, or " +
    "answered in part, takes the reason that the person is told. Done is what an act of pgtrail answered (--request of gdpr export, erase, rectify, restrict), or the receipt of an erasure " +
    "for this request that found nothing; what was answered otherwise takes the reason that says how, and is shown as done elsewhere. Needs the role pgtrail_privacy.",
  args: { request: arg("its number") },
  options: {
    outcome: required(choice("--outcome <word>", "what it came to", requestOutcomes)),
    by: text("--by <who>", "who closes it; without it, the role"),
    receipt: file("--receipt <file>", "what the person was given: its sha256 is kept"),
    reason: text(
      "--reason <text>",
      "why it is refused or answered in part, or how it was done elsewhere; stays in the act",
    ),
  },
  examples: [
    {
      run: "pgtrail gdpr request close 2026-7 --outcome done --receipt receipt.json",
      shows: "it is answered",
    },
    {
      run: 'pgtrail gdpr request close 2026-8 --outcome done --reason "the log has nothing of the person"',
      shows: "done elsewhere",
    },
  ],
  async run({ args, options, session }) {
    const { outcome, by, reason } = options
    const given =
      options.receipt === undefined
        ? {}
        : await judged(options.receipt, session.path(options.receipt), args.request, outcome)
    const trail = await session.trail()
    return requestReport(await trail.closeRequest(args.request, { outcome, by, reason, ...given }))
  },
})

async function judged(
  typed: string,
  path: string,
  request: string,
  outcome: string,
): Promise<Pick<CloseOptions, "receipt" | "erased">> {
  const receipt = await contentOf(typed, path)
  const { complete, request: of, schema } = said(receipt)
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
  const erased = schema === receiptSchema && complete === true && of === request
  return { receipt: createHash("sha256").update(receipt).digest("hex"), erased }
}

/** A receipt of an erasure, or the manifest of an export; what is neither says nothing. */
function said(receipt: Buffer): Readonly<Partial<Record<"complete" | "request" | "schema", unknown>>> {
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
    const known = fileError(error, "read", `the receipt ${typed}`)
    if (!(known instanceof TrailError)) throw known
    throw new TrailError(known.code, known.message, {
      hint: `nothing was closed; ${known.hint}`,
      cause: error,
    })
  }
}
