// pgtrail embedded stop: ends the server that `embedded start` began.
import { command, file } from "../../cli/command.js"
import { embedded } from "../../cli/embedded.js"

export default command({
  summary: "stop the embedded PostgreSQL",
  description:
    "Open sessions are cut off; what was committed stays in the folder, and the next start finds it. " +
    "To be rid of the data, stop the server and delete the folder.",
  options: {
    data: file("--data <dir>", "folder of the server (default: one for each user)"),
  },
  examples: [{ run: "pgtrail embedded stop", shows: "stops your server; its data stays" }],
  async run({ options, session }) {
    const place = await embedded(session.io, options.data)
    const { stopped } = await place.stop()
    const row = { data: place.dataDir, stopped }
    return {
      schema: "pgtrail.embedded.stop/1",
      columns: [{ name: "data" }, { name: "stopped", kind: "boolean" }],
      rows: [row],
      document: { schema: "pgtrail.embedded.stop/1", ...row },
      text: stopped ? `stopped the server in ${place.dataDir}` : `no server was running in ${place.dataDir}`,
    }
  },
})
