// pgtrail gdpr key destroy: ends for ever that a key's pseudonyms can be revealed.
import { arg, command, configurable, reference, text } from "../../../cli/command.js"
import { privacyKey, privacyKeys } from "../../../cli/privacy-keys.js"
import { readSecret } from "../../../cli/secret.js"
import { describeDestroyedKey } from "../../../data/subject/describe-pseudonym.js"

export default command({
  summary: "destroy a key of pseudonyms: nobody can reveal them any more, by an act",
  description:
    "The log deletes whom the key's pseudonyms stand for, and then the key's file is removed, where --privacy-key or the configuration names one; a " +
    "key that lies elsewhere you delete yourself, and every copy and backup of it. The pseudonyms stay in the events and lead nowhere. --confirm takes the " +
    "key's name. Needs the role pgtrail_privacy.",
  args: { key: arg("its name") },
  options: {
    confirm: text("--confirm <key>", "the key's name once more"),
    privacyKey,
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
  },
  examples: [
    {
      run: "pgtrail gdpr key destroy k1 --confirm k1",
      shows: "how many pseudonyms lead nowhere from now on",
    },
  ],
  async run({ args, options, session }) {
    const keys = privacyKeys(options.privacyKey, session)
    const done = await (await session.trail()).destroyPrivacyKey(args.key, {
      confirm: options.confirm,
      keys,
      signingKey: options.key === undefined ? undefined : await readSecret(options.key, session.io),
    })
    return {
      schema: "pgtrail.destroyed_privacy_key/1",
      columns: ["key_id", "act", "pseudonyms", "file"].map((name) => ({ name })),
      rows: [{ ...done }],
      text: describeDestroyedKey(done, { reference: keys.ids.includes(args.key) }),
    }
  },
})
