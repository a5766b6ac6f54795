// A program in the place of pgtrail that does what the test says when it is asked: no test waits for a time to pass.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { type Around, type Ran, runInProcess } from "./io.js"

/** What a child was started with, and how it is told to end. */
export interface Started {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly pid: number
  end(how: { exit?: number; stdout?: string; stderr?: string; kill?: string }): void
  /** Resolves when the child was told to stop. */
  readonly stopping: Promise<void>
}

/** Says what it is by TCP, ends when it is told to, and not by SIGTERM. */
const program = `
const socket = require("node:net").connect(Number(process.argv[2]), "127.0.0.1")
const { argv, env, pid } = process
process.on("SIGTERM", () => socket.write("stopping\\n"))
socket.write(JSON.stringify({ argv: argv.slice(3), env, pid }) + "\\n")
let said = ""
socket.on("data", (part) => {
  said += part
  if (!said.endsWith("\\n")) return
  const { exit = 0, stdout = "", stderr = "", kill } = JSON.parse(said)
  process.stdout.write(stdout, () => process.stderr.write(stderr, () => {
    if (kill === undefined) process.exit(exit)
    process.kill(pid, kill)
  }))
})
`

export interface FakeProgram {
  readonly folder: string
  /** For \`io.program\`. */
  readonly words: readonly string[]
  next(): Promise<Started>
  /** Runs pgtrail in process, with the fake in the place of its children; each is answered by \`answers\`, in order. */
  run(
    argv: readonly string[],
    around: Around,
    ...answers: Parameters<Started["end"]>[0][]
  ): Promise<Ran & { children: Started[] }>
  close(): Promise<void>
}

export async function fakeProgram(): Promise<FakeProgram> {
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-job-"))
  const file = join(folder, "fake program.cjs")
  await writeFile(file, program)
  const queue: Started[] = []
  const waiting: ((started: Started) => void)[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    let said = ""
    let stopped = (): void => undefined
    const stopping = new Promise<void>((go) => {
      stopped = go
    })
    socket.on("data", (part) => {
      const isFirst = !said.includes("\n")
      said += part
      const [first = "", ...rest] = said.split("\n")
      if (rest.includes("stopping")) stopped()
      if (!isFirst || rest.length === 0) return
      const started: Started = {
        ...JSON.parse(first),
        stopping,
        end: (how) => socket.write(`${JSON.stringify(how)}\n`),
      }
      const wanted = waiting.shift()
      if (wanted === undefined) queue.push(started)
      else wanted(started)
    })
  })
  await new Promise<void>((go) => server.listen(0, "127.0.0.1", go))
  const address = server.address()
  const words = [process.execPath, file, String(typeof address === "object" ? address?.port : 0)]
  const next = (): Promise<Started> => {
    const first = queue.shift()
    return first === undefined ? new Promise((go) => waiting.push(go)) : Promise.resolve(first)
  }
  return {
    folder,
    words,
    next,
    async run(argv, around, ...answers) {
      const children: Started[] = []
      const ran = runInProcess(argv, { program: words, ...around })
      for (const answer of answers) {
        const child = await next()
        children.push(child)
        child.end(answer)
      }
      return { ...(await ran), children }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((go) => server.close(go))
      await rm(folder, { recursive: true })
    },
  }
}
