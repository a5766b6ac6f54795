// pgtrail setting list: the settings that belong to the log.
import { command } from "../../cli/command.js"

const meanings = new Map([
  ["event-size-limit", "bytes that an event may have, 65536 to 1073741824"],
  ["require-signed-acts", "on: settings, accepted findings and incarnations need --key"],
])

export default command({
  summary: "list the settings of the log",
  description:
    "They stand in the database, hold for everybody who writes to the log, and change by acts alone.",
  examples: [{ run: "pgtrail setting list", shows: "each setting, its value, and the act that changed it" }],
  async run({ session }) {
    const settings = await (await session.trail()).settings()
    return {
      schema: "pgtrail.setting/1",
      columns: [
        { name: "name" },
        { name: "value" },
        { name: "act", kind: "number" },
        { name: "changed_at" },
        { name: "meaning" },
      ],
      rows: settings.map((setting) => ({ ...setting, meaning: meanings.get(setting.name) ?? "" })),
    }
  },
})
