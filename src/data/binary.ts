// PostgreSQL's binary form of the few types that stand in a hashed record, made from its text form.

/** Types that may stand in a hashed record, with their fixed OIDs: no domain, enum or extension type, whose OID would differ elsewhere. */
export const oids = {
  bigint: 20,
  bytea: 17,
  inet: 869,
  int: 23,
  jsonb: 3802,
  smallint: 21,
  text: 25,
  "text[]": 1009,
  timestamptz: 1184,
  uuid: 2950,
} as const

export type SqlType = keyof typeof oids
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** What the type's send function makes of `text`, which is what its output function prints. */
export function encode(type: SqlType, text: string): Buffer {
  switch (type) {
    case "text":
      return Buffer.from(text, "utf8")
    case "uuid":
      return Buffer.from(text.replaceAll("-", ""), "hex")
    case "bytea":
      return Buffer.from(text.replace(/^\\x/, ""), "hex")
    case "smallint": {
      const bytes = Buffer.alloc(2)
      bytes.writeInt16BE(Number.parseInt(text, 10))
      return bytes
    }
    case "int":
      return int32(Number.parseInt(text, 10))
    case "bigint":
      return int64(BigInt(text))
    case "jsonb":
      // Version byte, then the text that jsonb prints.
      return Buffer.concat([Buffer.of(1), Buffer.from(text, "utf8")])
    case "timestamptz":
      return int64(microseconds(text))
    case "inet":
      return inet(text)
    case "text[]":
      return textArray(text)
  }
}

/** Microseconds since 2000-01-01 UTC, PostgreSQL's epoch. Takes what it prints under DateStyle ISO, or RFC 3339. */
export function microseconds(text: string): bigint {
  if (text === "infinity") return 0x7fffffffffffffffn
  if (text === "-infinity") return -0x8000000000000000n
  const match =
    /^(\d+)-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)( BC)?$/.exec(
      text,
    )
  if (match === null) throw new RangeError("not a timestamp in ISO form")
  const [
    ,
    year = "",
    month = "",
    day = "",
    hour = "",
    minute = "",
    second = "",
    fraction = "",
    sign,
    oh = "0",
    om = "0",
    os = "0",
    bc,
  ] = match
  const offset = (BigInt(oh) * 3600n + BigInt(om) * 60n + BigInt(os)) * (sign === "-" ? -1n : 1n)
  const days = daysFrom2000(bc === undefined ? BigInt(year) : 1n - BigInt(year), BigInt(month), BigInt(day))
  const seconds = days * 86400n + BigInt(hour) * 3600n + BigInt(minute) * 60n + BigInt(second) - offset
  return seconds * 1_000_000n + BigInt(fraction.padEnd(6, "0") || "0")
}

/** Days from 2000-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC. */
function daysFrom2000(year: bigint, month: bigint, day: bigint): bigint {
  const y = month <= 2n ? year - 1n : year
  const era = (y >= 0n ? y : y - 399n) / 400n
  const yearOfEra = y - era * 400n
  const dayOfYear = (153n * (month + (month > 2n ? -3n : 9n)) + 2n) / 5n + day - 1n
  return era * 146097n + yearOfEra * 365n + yearOfEra / 4n - yearOfEra / 100n + dayOfYear - 730425n
}

function inet(text: string): Buffer {
  const [address = "", prefix] = text.split("/")
  const bytes = address.includes(":")
    ? ipv6(address)
    : Buffer.from(address.split(".").map((part) => Number.parseInt(part, 10)))
  const bits = prefix === undefined ? bytes.length * 8 : Number.parseInt(prefix, 10)
  // family (2 or 3), prefix length, "is cidr" (never), address length
  return Buffer.concat([Buffer.of(bytes.length === 4 ? 2 : 3, bits, 0, bytes.length), bytes])
}

function ipv6(text: string): Buffer {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const group = (high: string, low: string) =>
      (Number.parseInt(high, 10) * 256 + Number.parseInt(low, 10)).toString(16)
    return `${group(a, b)}:${group(c, d)}`
  })
  const [head = "", tail] = plain.split("::")
  const left = head === "" ? [] : head.split(":")
  const right = tail === undefined || tail === "" ? [] : tail.split(":")
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right]
  const bytes = Buffer.alloc(16)
  for (const [index, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  return bytes
}

/** array_send of a text[] from PostgreSQL's array literal, with several dimensions and lower bounds. */
function textArray(literal: string): Buffer {
  const bounds = /^((?:\[-?\d+:-?\d+\])+)=/.exec(literal)
  const body = bounds === null ? literal : literal.slice(bounds[0].length)
  const lower =
    bounds === null ? [] : [...bounds[0].matchAll(/\[(-?\d+):/g)].map((m) => Number.parseInt(m[1] ?? "1", 10))
  const elements: (string | null)[] = []
  const lengths: number[] = []
  const counts: number[] = []
  let at = 0
  let depth = -1
  while (at < body.length) {
    const character = body[at]
    if (character === "{") {
      depth += 1
      if (depth > 0) counts[depth - 1] = (counts[depth - 1] ?? 0) + 1
      counts[depth] = 0
      at += 1
    } else if (character === "}") {
      lengths[depth] = counts[depth] ?? 0
      depth -= 1
      at += 1
    } else if (character === ",") {
      at += 1
    } else {
      counts[depth] = (counts[depth] ?? 0) + 1
      if (character === '"') {
        let text = ""
        at += 1
        while (body[at] !== '"') {
          if (at >= body.length) throw new RangeError("not an array")
          if (body[at] === "\\") at += 1
          text += body[at]
          at += 1
        }
        at += 1
        elements.push(text)
      } else {
        const end = body.slice(at).search(/[,}]/)
        if (end < 1) throw new RangeError("not an array")
        const word = body.slice(at, at + end)
        elements.push(word.toUpperCase() === "NULL" ? null : word)
        at += end
      }
    }
  }
  if (depth !== -1) throw new RangeError("not an array")
  const header = [
    int32(elements.length === 0 ? 0 : lengths.length),
    int32(elements.includes(null) ? 1 : 0),
    int32(oids.text),
  ]
  if (elements.length === 0) return Buffer.concat(header)
  const dimensions = lengths.flatMap((length, index) => [int32(length), int32(lower[index] ?? 1)])
  const values = elements.flatMap((element) => {
    if (element === null) return [int32(-1)]
    const bytes = Buffer.from(element, "utf8")
    return [int32(bytes.length), bytes]
  })
  return Buffer.concat([...header, ...dimensions, ...values])
}
