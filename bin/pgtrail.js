#!/usr/bin/env node
// A CommonJS script, as the package.json beside it says: starting Node's loader of ES modules takes longer than printing a help.
require("../dist/cli.cjs").main()
