// The library: import { open } from "pgtrail".
export * from "./data/index.js"
