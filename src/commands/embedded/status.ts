// pgtrail embedded status: is the embedded server there, and where.
import { command, file } from "../../cli/command.js"
import { embedded } from "../../cli/embedded.js"
import type { EmbeddedStatus } from "../../data/embedded/index.js"

export default command({
  summary: "show whether the embedded PostgreSQL runs, and where",
  options: {
    data: file("--data <dir>", "folder of the server (default: one for each user)"),
  },
  examples: [
    {
      run: "pgtrail embedded status",
      shows: "running, starting, stopped, or absent when there is no such folder",
    },
  ],
  async run({ options, session }) {
    const place = await embedded(session.io, options.data)
    const row = describe(await place.status())
    return {
      schema: "pgtrail.embedded.status/1",
      columns: [
        { name: "state" },
        { name: "data" },
        { name: "version" },
        { name: "pid", kind: "number" },
        { name: "url" },
      ],
      rows: [row],
      document: { schema: "pgtrail.embedded.status/1", ...row },
    }
  },
})

function describe(status: EmbeddedStatus) {
  if (status.state !== "running") {
    return {
      state: status.state,
      data: status.dataDir,
      version: status.version ?? null,
      pid: null,
      url: null,
    }
  }
  const { dataDir, version, pid, url } = status.server
  return { state: status.state, data: dataDir, version, pid: String(pid), url }
}
