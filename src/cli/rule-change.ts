// The change of a policy or a floor as a row: the same for all commands that change one.

import type { RuleChange } from "../data/retention/rule.js"
import type { Column, Row } from "./command.js"

export const changeColumns: readonly Column[] = [
  { name: "kind" },
  { name: "name" },
  { name: "changed", kind: "boolean" },
  { name: "dry_run", kind: "boolean" },
  { name: "act", kind: "number" },
  { name: "keep_days", kind: "number" },
  { name: "before_days", kind: "number" },
  { name: "archive_after_days", kind: "number" },
  { name: "archive_before_days", kind: "number" },
  { name: "grace_until" },
  { name: "grace_days", kind: "number" },
  { name: "equals", kind: "json" },
]

export const changeRow = (change: RuleChange): Row => ({ ...change, equals: JSON.stringify(change.equals) })
