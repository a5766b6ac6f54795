// Microseconds since 2000 as the text that stands in manifests: the way back from binary.ts.

const day = 86_400_000_000n
/** From 0000-03-01, where years of the proleptic Gregorian calendar begin that end with February. */
const epoch = 730_425n

const divided = (value: bigint, by: bigint): bigint => (value >= 0n ? value : value - by + 1n) / by
const padded = (value: bigint, digits: number): string => String(value).padStart(digits, "0")

/** `2026-07-10T12:00:00.500000Z`; before the common era with ` BC` behind; `infinity`, `-infinity`. Of the two halves of an int64. */
export function timeText(high: number, low: number): string {
  const value = (BigInt(high) << 32n) | BigInt(low)
  if (value === 0x7fffffffffffffffn) return "infinity"
  if (value === -0x8000000000000000n) return "-infinity"
  const days = divided(value, day)
  const micros = value - days * day
  const [year, month, date] = civil(days + epoch)
  const seconds = micros / 1_000_000n
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n]
    .map((part) => padded(part, 2))
    .join(":")
  const [shown, era] = year > 0n ? [year, ""] : [1n - year, " BC"]
  return `${padded(shown, 4)}-${padded(month, 2)}-${padded(date, 2)}T${clock}.${padded(micros % 1_000_000n, 6)}Z${era}`
}

function civil(days: bigint): readonly [year: bigint, month: bigint, day: bigint] {
  const era = divided(days, 146_097n)
  const dayOfEra = days - era * 146_097n
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n)
  const part = (5n * dayOfYear + 2n) / 153n
  const month = part < 10n ? part + 3n : part - 9n
  return [yearOfEra + era * 400n + (month <= 2n ? 1n : 0n), month, dayOfYear - (153n * part + 2n) / 5n + 1n]
}
