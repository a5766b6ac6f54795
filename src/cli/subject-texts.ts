// What the configuration says to a person who asks for his data (Article 15): plain sentences, gdpr.purposes and the others.
import { type Options, text } from "./options.js"

/** For `configuration`, with `configuredUnder: "gdpr"`. */
export const subjectTexts: Options = {
  controller: text("--controller <text>", "who is responsible, and how to reach him"),
  purposes: text("--purposes <text>", "what the data are used for"),
  categories: text("--categories <text>", "categories of the data"),
  recipients: text("--recipients <text>", "who receives them"),
  transfers: text("--transfers <text>", "transfers to third countries, and their safeguards"),
  retention: text("--retention <text>", "how long they are kept, beside the log's own policies"),
  source: text("--source <text>", "where they come from"),
  automation: text("--automation <text>", "automated decisions, their logic and what follows from them"),
  rights: text("--rights <text>", "the person's rights, where the usual sentence is not enough"),
  complaint: text("--complaint <text>", "where to lodge a complaint"),
}
