// pgtrail setting set: changes a setting of the log, which is an act.
import { arg, command, text } from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { plural, visible } from "../../data/words.js"

export default command({
  summary: "change a setting of the log, by an act",
  description:
    "event-size-limit: bytes that an event may have. require-signed-acts on: from then on settings, accepted findings, " +
    "incarnations, purges, released holds and rules of retention need a signature by a key that is kept outside the database, also to turn it off " +
    "again; verify --public-key checks them. retention-grace, organization-keep-least, organization-keep-most and partitions-ahead: " +
    "pgtrail setting list says what they are. Needs the role pgtrail_operator.",
  args: { name: arg("the setting"), value: arg("its new value") },
  options: {
    key: text("--key <reference>", "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND"),
  },
  examples: [
    { run: "pgtrail setting set event-size-limit 4194304", shows: "take events of up to 4 MiB" },
    {
      run: "pgtrail setting set require-signed-acts on --key file:operator.key",
      shows: "take no destructive act without a signature any more",
    },
  ],
  async run({ args, options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const change = await (await session.trail()).setSetting(args.name, args.value, key)
    const { outside, ...row } = change
    if (outside.length > 0) {
      const named = outside
        .slice(0, 5)
        .map(
          ({ name, organization_id: organization, keep_days: days }) =>
            `${visible(name)} of ${visible(organization)} (${plural(days, "day")})`,
        )
      session.warn(
        `${change.name} is for policies that are set from now on; outside of it, and in force as before: ${named.join(", ")}${outside.length > 5 ? " ..." : ""}`,
      )
    }
    return {
      schema: "pgtrail.setting_change/1",
      columns: [{ name: "name" }, { name: "value" }, { name: "act", kind: "number" }],
      rows: [row],
      text:
        change.act === null
          ? `${change.name} is ${change.value} already`
          : `${change.name} is now ${change.value}`,
      note: () => (change.act === null ? undefined : `recorded as act ${change.act}`),
    }
  },
})
