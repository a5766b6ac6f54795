// pgtrail archive verify: are these archives what was archived. Needs no database, and asks none.
import { identity, readIdentity } from "../../cli/archive.js"
import { arg, command, flag } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { describeArchives, whatIsLeft } from "../../data/archive/describe-check.js"
import { verifyArchives } from "../../data/archive/verify.js"
import { TrailError } from "../../data/errors.js"
import { readLocation } from "../../data/store/location.js"
import { grouped } from "../../data/words.js"

/** As `pgtrail verify`; what cannot be read is 3. */
const exits = { intact: 0, whole: 0, tampered: 1, incomplete: 4 } as const

export default command({
  summary: "check archives, event by event, without a database",
  description:
    "Reads the files once: the size and sha256 of each, the hash of every event from what it says, that each follows the one before it, and that all " +
    "of them together are what one purge took out of a log, by the records in the manifest. Names every file, line and event where something differs.\n\n" +
    "Exit code 0: intact; or whole, with --quick, which compares size and sha256 of the files alone. 1: something differs. 3: a place cannot be read. 4: an archive, or an event, could not be looked at: it is encrypted and " +
    "--identity does not open it, it is of a later pgtrail, or has no manifest. Whether a log purged exactly these events only the log can say: " +
    "pgtrail verify --archive.",
  args: {
    places: arg(
      "a folder of archives, one archive or its manifest; also s3://BUCKET/PREFIX, or table:",
      "many",
    ),
  },
  options: {
    identity,
    quick: flag("--quick", "only whether the files are those of the manifest, not what is in them"),
  },
  examples: [
    { run: "pgtrail archive verify /mnt/worm/archive", shows: "whether all archives there are intact" },
    {
      run: "pgtrail archive verify s3://audit-archive/prod --identity file:archive.key",
      shows: "the same of encrypted archives in a bucket",
    },
  ],
  async run({ args, options, session }) {
    const report = await verifyArchives(
      args.places.map((place) => readLocation(place, session.io.cwd)),
      {
        store: { ...storeContext(session), signal: session.signal },
        identities: (await readIdentity(options.identity, session)) ?? [],
        quick: options.quick,
        signal: session.signal,
        progress: (name, events) => session.progress(`${name}: ${grouped(events)} events checked`),
      },
    ).catch((error: unknown) => {
      throw named(error, args.places)
    })
    return {
      schema: report.schema,
      columns: [
        { name: "name" },
        { name: "location" },
        { name: "verdict" },
        { name: "events", kind: "number" },
        { name: "findings", kind: "number" },
      ],
      rows: report.archives.map(({ name, location, verdict, events, findings_total }) => ({
        name,
        location,
        verdict,
        events,
        findings: findings_total,
      })),
      document: report,
      text: describeArchives(report),
      note: whatIsLeft,
      exit: exits[report.verdict],
    }
  },
})

/** What archive list prints first is no place: without a database nobody knows where it lies. */
function named(error: unknown, places: readonly string[]): unknown {
  const name = places.find((place) => archiveForm.test(place))
  if (!(error instanceof TrailError) || name === undefined || !error.message.includes(name)) return error
  return new TrailError(error.code, error.message, {
    hint: `that is the name of an archive: give its folder, PLACE/${name}; pgtrail archive show ${name} tells the place`,
    cause: error,
  })
}

const archiveForm = /^[A-Za-z0-9_][\w.]*-\d{8}T\d{6}Z-[0-9a-f]{6}$/
