// Cron's five fields as lists of numbers, to be said in another language.

export interface Fields {
  /** Undefined: every one. */
  readonly minute: readonly number[] | undefined
  readonly hour: readonly number[] | undefined
  readonly day: readonly number[] | undefined
  readonly month: readonly number[] | undefined
  /** 0 is Sunday. */
  readonly weekday: readonly number[] | undefined
}

/** Of a schedule that was read: nothing in it is wrong. */
export function fieldsOf(text: string): Fields {
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = text.split(" ")
  const days = numbers(weekday, 0, 7)
  return {
    minute: numbers(minute, 0, 59),
    hour: numbers(hour, 0, 23),
    day: numbers(day, 1, 31),
    month: numbers(month, 1, 12),
    weekday: days && [...new Set(days.map((number) => number % 7))].sort((a, b) => a - b),
  }
}

function numbers(field: string, least: number, most: number): readonly number[] | undefined {
  if (field === "*") return undefined
  const found = new Set<number>()
  for (const part of field.split(",")) {
    const [range = "*", step = "1"] = part.split("/")
    const [first = "", last = first] = range === "*" ? [String(least), String(most)] : range.split("-")
    for (let number = Number(first); number <= Number(last); number += Number(step)) found.add(number)
  }
  return [...found].sort((a, b) => a - b)
}
