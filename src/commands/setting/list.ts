// pgtrail setting list: the settings that belong to the log.
import { command } from "../../cli/command.js"

export default command({
  summary: "list the settings of the log",
  description:
    "They stand in the database, hold for everybody who writes to the log, and change by acts alone: act, changed_at and changed_by are " +
    "empty where the value is that of the installation, or this role may not read acts.",
  examples: [{ run: "pgtrail setting list", shows: "each setting, its value, and who changed it when" }],
  async run({ session }) {
    const settings = await (await session.trail()).settings()
    return {
      schema: "pgtrail.setting/1",
      columns: [
        { name: "name" },
        { name: "value" },
        { name: "initial" },
        { name: "unit" },
        { name: "act", kind: "number" },
        { name: "changed_at" },
        { name: "changed_by" },
        { name: "meaning" },
      ],
      rows: settings.map((setting) => ({ ...setting })),
    }
  },
})
