// Loads the native addon: the one built in this directory, or else the package of this platform.
'use strict'

const { existsSync } = require('node:fs')
const { join } = require('node:path')

const { platform, arch } = process
const builds = {
  linux: [`linux-${arch}-gnu`, `linux-${arch}-musl`],
  win32: [`win32-${arch}-msvc`],
}[platform] ?? [`${platform}-${arch}`]

module.exports = load()

function load() {
  const causes = []
  for (const build of builds) {
    const local = join(__dirname, `oxmcp.${build}.node`)
    try {
      return existsSync(local) ? require(local) : require(`@oxmcp/${build}`)
    } catch (error) {
      causes.push(error)
    }
  }
  throw new AggregateError(
    causes,
    `oxmcp has no native addon for this platform (looked for ${builds.join(', ')}). ` +
      'Install oxmcp again with optional dependencies allowed, or build it with `npm run build`. ' +
      causes.map((error) => error.message).join('; '),
  )
}
