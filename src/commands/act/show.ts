// pgtrail act show: one act whole, and whether it verifies.
import { arg, command, RawJson } from "../../cli/command.js"
import { describeAct } from "../../data/act/describe.js"
import { TrailError } from "../../data/errors.js"

export default command({
  summary: "show one act whole, and whether it verifies",
  description:
    "Computes the hash of the act anew, and compares it and its neighbours' with what is stored. A signature is shown, and checked by " +
    "pgtrail verify --public-key. Exit code 1 when the act does not verify.",
  args: { act: arg("seq of the act") },
  examples: [{ run: "pgtrail act show 12", shows: "what act 12 did, and by whom" }],
  async run({ args, session }) {
    if (!/^[1-9]\d{0,17}$/.test(args.act)) {
      throw new TrailError("usage", `${JSON.stringify(args.act)} names no act`, {
        hint: "give its number: pgtrail act list",
      })
    }
    const shown = await (await session.trail()).act(args.act)
    const { act, signature, verifies, problems } = shown
    return {
      schema: "pgtrail.act/1",
      columns: Object.keys(act).map((name) => ({
        name,
        ...(name === "parameters" ? { kind: "json" as const } : {}),
      })),
      rows: [act],
      text: describeAct(shown),
      document: {
        schema: "pgtrail.act_show/1",
        act: { ...act, parameters: act.parameters === null ? null : new RawJson(act.parameters) },
        signature,
        verifies,
        problems,
      },
      exit: verifies === null ? 4 : verifies ? 0 : 1,
    }
  },
})
