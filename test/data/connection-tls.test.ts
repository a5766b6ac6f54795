// Servers that answer the question for TLS in a way that PostgreSQL does not: none of it may hang, or pass for TLS.
import { createServer, type Server, type Socket } from "node:net"
import { afterEach, expect, it } from "vitest"
import { connect, type SslMode } from "../../src/data/connection.js"
import { failureOf } from "./failure.js"

const open = new Set<Server>()
const sockets = new Set<Socket>()
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all([...open].map((server) => new Promise((done) => server.close(done))))
  open.clear()
})

/** What the connection ends with; `answer` is called with each message that arrives. */
async function ending(
  mode: SslMode,
  answer: (socket: Socket, count: number) => unknown,
  connectTimeoutMs = 20_000,
): Promise<string> {
  const server = createServer((socket) => {
    let count = 0
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("data", () => {
      count += 1
      answer(socket, count)
    })
  })
  open.add(server)
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const target = {
    host: "127.0.0.1",
    port,
    user: "u",
    database: "d",
    password: "secret",
    ssl: { mode },
    connectTimeoutMs,
  }
  const { code, message, hint } = await failureOf(connect(target))
  expect(`${message} ${hint}`).not.toContain("secret")
  return `${code}: ${message.replaceAll(String(port), "PORT")}`
}

const place = "127.0.0.1:PORT"

it("one that says nothing, or nothing more", async () => {
  const silence = `unreachable: the database cannot be reached: no answer in time: ${place}`
  expect(await ending("prefer", () => undefined, 200)).toBe(silence)
  expect(await ending("require", (socket, count) => count === 1 && socket.write("S"), 200)).toBe(silence)
  expect(await ending("prefer", (socket, count) => count === 1 && socket.write("N"), 200)).toBe(silence)
  expect(await ending("disable", () => undefined, 200)).toBe(silence)
})

it("one that hangs up", async () => {
  const closed = `unreachable: the database cannot be reached: the connection was closed before the login was done: ${place}`
  expect(await ending("require", (socket) => socket.destroy())).toBe(closed)
  expect(
    await ending("require", (socket, count) => (count === 1 ? socket.write("S") : socket.destroy())),
  ).toBe(closed)
  expect(await ending("disable", (socket) => socket.destroy())).toBe(closed)
  expect(
    await ending("prefer", (socket, count) => (count === 1 ? socket.write("N") : socket.destroy())),
  ).toBe(closed)
})

it("one that slips something in before TLS, or speaks another language", async () => {
  expect(await ending("require", (socket) => socket.write("SEgreetings"))).toBe(
    `unreachable: ${place} sent more than an answer before TLS`,
  )
  expect(await ending("require", (socket) => socket.write("H"))).toBe(
    `unreachable: ${place} does not answer like PostgreSQL`,
  )
  expect(
    await ending("require", (socket, count) =>
      socket.write(count === 1 ? "S" : "HTTP/1.1 400 Bad Request\r\n\r\n"),
    ),
  ).toMatch(new RegExp(`^unreachable: no TLS with ${place}: `))
  expect(await ending("require", (socket) => socket.write("N"))).toBe(
    `unreachable: the server ${place} does not support TLS, and the connection asks for it`,
  )
})
