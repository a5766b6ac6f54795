// pgtrail gdpr key list: the keys of pseudonyms, and which of them are at hand.
import { command } from "../../../cli/command.js"
import { privacyKey, privacyKeys } from "../../../cli/privacy-keys.js"

export default command({
  summary: "list the keys of pseudonyms: their state, what they made, and which are at hand",
  description:
    "active: pseudonyms are made with it. retired: it still reveals. destroyed: nobody can reveal what it made. `originals` counts the pseudonyms of which " +
    "the log has whom they stand for; `here` says whether --privacy-key or the configuration leads to the very key. Needs the role pgtrail_privacy.",
  options: { privacyKey },
  examples: [{ run: "pgtrail gdpr key list", shows: "each key that there is or was" }],
  async run({ options, session }) {
    const keys = await (await session.trail()).privacyKeys(privacyKeys(options.privacyKey, session))
    return {
      schema: "pgtrail.privacy_key/1",
      columns: [
        { name: "key_id", whole: true },
        { name: "state" },
        { name: "created_at" },
        { name: "pseudonyms", kind: "number" },
        { name: "originals", kind: "number" },
        { name: "here" },
      ],
      rows: keys.map((key) => ({ ...key })),
      note: () =>
        keys.length > 0 ? undefined : "there is no privacy key yet: pgtrail gdpr key create --out FILE",
    }
  },
})
