// Takes passwords out of every line that goes to stderr.

/** `://user:secret@`, up to the last @ of the word: an unescaped @ in a password must not leave half of it. */
const inUrl = /(:\/\/[^\s:/@?#]*):[^\s]*@/g
/** `password=secret` of a connection string or a URL's query; quoted values may hold spaces. */
const inConninfo = /((?:\b|_|[a-z])password\s*=\s*)('(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^\s&'"]+)/gi
const inJson = /("(?:ssl)?password"\s*:\s*)"(?:[^"\\]|\\.)*"?/gi

/** `secrets` are the values that this run knows, such as PGPASSWORD. */
export function redact(text: string, secrets: Iterable<string> = []): string {
  let clean = text.replace(inUrl, "$1:***@").replace(inConninfo, "$1***").replace(inJson, '$1"***"')
  for (const secret of secrets) {
    // A very short password is part of too many words: blanking those would spell it out.
    if (secret.length > 3) clean = clean.replace(wholeWord(secret), "***")
  }
  return clean
}

/** The passwords that a run can know beforehand: of the environment, and of whatever on the command line looks like a URL. */
export function knownSecrets(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): readonly string[] {
  const urls = [env.PGTRAIL_URL ?? "", env.DATABASE_URL ?? "", ...argv]
  const named = [env.PGPASSWORD, env.AWS_SECRET_ACCESS_KEY, env.AWS_SESSION_TOKEN].map((value) => value ?? "")
  return [...named, ...urls.flatMap(secretsOf)].filter((secret) => secret !== "")
}

/** As they were typed and as they are meant. A blank in a password ends no word here, as it would in a message. */
export function secretsOf(url: string): readonly string[] {
  const found = [
    /:\/\/[^:/@?#]*:(.*)@/s.exec(url)?.[1],
    ...[...url.matchAll(/[?&](?:ssl)?password=([^&]*)/g)].map((match) => match[1]),
    ...[...url.matchAll(/(?:^|\s)(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)*)/gs)].map(
      (match) => unquoted(match[1]),
    ),
  ]
  return found.filter((secret) => secret !== undefined).flatMap((secret) => [secret, decoded(secret)])
}

/** A value of a list of settings, as it is meant. */
function unquoted(text = ""): string {
  return (text.startsWith("'") ? text.replace(/^'|'$/g, "") : text).replace(/\\(.)/gs, "$1")
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function wholeWord(secret: string): RegExp {
  const escaped = secret.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  return secret.length >= 8 ? new RegExp(escaped, "g") : new RegExp(`(?<![\\w])${escaped}(?![\\w])`, "g")
}
