// Compiled, not run: the package as CommonJS sees it.

import oxmcp = require('oxmcp')

const server: oxmcp.Server = new oxmcp.Server({ name: 'sample', version: '1.0.0' })
export const connected: Promise<oxmcp.Client> = oxmcp.connect(server)
