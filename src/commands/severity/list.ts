// pgtrail severity list: the severities of events, and what each is for.
import { command } from "../../cli/command.js"
import { severityMeanings } from "../../data/type/severities.js"

export default command({
  summary: "list the severities of events, and what each is for",
  description:
    "From the least to the worst. words are those of the systems that run on pgtrail, and of their alerts and risk levels, which mean it. " +
    "Needs no database.",
  examples: [
    { run: "pgtrail severity list", shows: "the five, and the words of other systems that mean them" },
    { run: "pgtrail query --severity error..", shows: "events of the worst two" },
  ],
  run: ({ session }) => ({
    schema: "pgtrail.severity/1",
    columns: [
      { name: "severity" },
      { name: "meaning" },
      { name: "use", title: "use it for" },
      { name: "words", kind: session.format === "table" ? "text" : "json" },
    ],
    rows: severityMeanings.map(({ words, ...rest }) => ({
      ...rest,
      words: session.format === "table" ? words.join(", ") : JSON.stringify(words),
    })),
  }),
})
