// pgtrail export verify: is this export what was taken out of the log. Needs no database, and asks none.
import { arg, command, configurable, file, list } from "../../cli/command.js"
import { describeCheck } from "../../data/export/describe.js"
import { verifyExport } from "../../data/export/verify.js"
import {
  type CheckedSubjectExport,
  describeCheckedSubjectExport,
  verifySubjectExport,
} from "../../data/subject/verify-export.js"
import {
  type CheckedReceipt,
  describeCheckedReceipt,
  verifyReceipt,
} from "../../data/subject/verify-receipt.js"
import { grouped } from "../../data/words.js"

/** As `pgtrail verify`; what cannot be read is 3. */
const exits = { intact: 0, tampered: 1, incomplete: 4 } as const

export default command({
  summary: "check an export, event by event, without a database",
  description:
    "Reads the files once: the sha256 of each, the hash of every event from what it says, their order, and in evidence that each follows the " +
    "one before it; counts and both ends of each lane are compared with the manifest. Names every file, line and event where something differs.\n\n" +
    "Exit code 0: intact. 1: something differs, or the signature is not good. 3: a file cannot be read. 4: an event, or the export, is of a later " +
    "pgtrail. With --public-key the manifest must be signed by that key; with --checkpoint too it may be unsigned, and the answer says so. Without a " +
    "signature, whoever rewrites events, hashes and manifest together is found by nobody but --checkpoint, which knows the heads. Of the receipt of an " +
    "erasure (gdpr erase --receipt) the signature beside it is checked; with --public-key, by whom it is. What gdpr export wrote, a folder or a " +
    "file with its manifest beside it, is compared file by file with its manifest, and the manifest with its signature.",
  args: {
    folder: arg(
      "the folder of an export, the manifest beside the answer of a query, what gdpr export wrote, or the receipt of an erasure",
    ),
  },
  options: {
    publicKey: configurable(list("--public-key <file>", "file of public keys that are believed")),
    checkpoint: file("--checkpoint <file>", "signed checkpoint whose heads the export must agree with"),
  },
  examples: [
    {
      run: "pgtrail export verify acme-2026-q3 --public-key audit.key.pub",
      shows: "whether it is what was signed",
    },
    {
      run: "pgtrail export verify acme-2026-q3 --public-key audit.key.pub --checkpoint 2026-11.checkpoint",
      shows: "whether it agrees with a checkpoint from elsewhere",
    },
  ],
  async run({ args, options, session }) {
    const publicKeys = options.publicKey.map((path) => session.path(path))
    const receipt = await verifyReceipt(session.path(args.folder), publicKeys)
    if (receipt !== undefined) return receiptReport(receipt)
    const given = await verifySubjectExport(session.path(args.folder), publicKeys)
    if (given !== undefined) return givenReport(given)
    const report = await verifyExport(session.path(args.folder), {
      publicKeys,
      checkpoint: options.checkpoint === undefined ? undefined : session.path(options.checkpoint),
      signal: session.signal,
      progress: (events) => session.progress(`${grouped(events)} events checked`),
    })
    const { manifest: _, ...document } = report
    return {
      schema: report.schema,
      columns: ["kind", "file", "line", "organization_id", "lane", "seq", "message"].map((name) => ({
        name,
        ...(["line", "lane", "seq"].includes(name) ? { kind: "number" as const } : {}),
      })),
      rows: report.findings.map((finding) => ({ ...finding })),
      document,
      text: describeCheck(report),
      exit: exits[report.verdict],
    }
  },
})

const receiptReport = (receipt: CheckedReceipt) => ({
  schema: receipt.schema,
  columns: ["verdict", "finding", "request", "time", "sha256", "key"].map((name) => ({ name })),
  rows: [{ ...receipt }],
  document: receipt,
  text: describeCheckedReceipt(receipt),
  exit: exits[receipt.verdict],
})

const givenReport = (given: CheckedSubjectExport) => ({
  schema: given.schema,
  columns: ["kind", "file", "message"].map((name) => ({ name })),
  rows: given.findings.map((finding) => ({ ...finding })),
  document: given,
  text: describeCheckedSubjectExport(given),
  exit: exits[given.verdict],
})
