// Runs before each test file. The files of a worker share their modules, so what one file remembers must begin anew here.
import { afterEach, beforeAll } from "vitest"
import { outcome } from "./outcome.js"

beforeAll(() => {
  outcome.failed = false
})
afterEach(({ task }) => {
  outcome.failed ||= task.result?.state === "fail"
})
