// Builds the package in place: the native addon beside package.json, the JavaScript and its types in dist/.
// usage: node scripts/build.mjs [--release]

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const release = process.argv.includes('--release')

addon()
rmSync(dist, { recursive: true, force: true })
mkdirSync(dist)
await code()
types()

/** Compiles the crate and puts the addon where native.cjs looks first. */
function addon() {
  const args = ['build', '--package', 'oxmcp-node', '--locked', '--message-format=json-render-diagnostics']
  if (release) args.push('--release')
  const messages = run('cargo', args)
  const built = messages
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .find(({ reason, target }) => reason === 'compiler-artifact' && target.name === 'oxmcp_node')
    ?.filenames.find((name) => /\.(so|dylib|dll)$/.test(name))
  if (!built) throw new Error('cargo built no addon')
  // Moved into place, because a process may have the old one mapped.
  const target = join(root, `oxmcp.${platform()}.node`)
  copyFileSync(built, `${target}.new`)
  renameSync(`${target}.new`, target)
  console.log(`${basename(target)} from ${built}`)
}

/** The platform in the words of native.cjs. */
function platform() {
  const { platform, arch } = process
  if (platform === 'win32') return `win32-${arch}-msvc`
  if (platform !== 'linux') return `${platform}-${arch}`
  const glibc = process.report.getReport().header.glibcVersionRuntime
  return `linux-${arch}-${glibc ? 'gnu' : 'musl'}`
}

/** One CommonJS file with all the code, and an ES module that exports the same objects. */
async function code() {
  await build({
    entryPoints: [join(root, 'lib/index.ts')],
    outfile: join(dist, 'index.cjs'),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['../native.cjs'],
  })
  const names = Object.keys(createRequire(import.meta.url)('../dist/index.cjs'))
  // By createRequire, because an import of CommonJS has its exports searched first, which costs Node 30 ms.
  writeFileSync(
    join(dist, 'index.mjs'),
    `import { createRequire } from 'node:module'

const oxmcp = createRequire(import.meta.url)('./index.cjs')

export const { ${names.join(', ')} } = oxmcp
`,
  )
}

/** Type declarations, for both kinds of importers. */
function types() {
  const tsc = createRequire(import.meta.url).resolve('typescript/package.json')
  process.stdout.write(run(process.execPath, [join(tsc, '../bin/tsc'), '--project', root]))
  for (const entry of ['index.d.mts', 'index.d.cts']) {
    writeFileSync(join(dist, entry), "export * from './types/index.js'\n")
  }
}

/** Runs a program and gives what it printed; ends this one when it fails. */
function run(program, args) {
  const { error, status, stdout } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (error) throw error
  if (status !== 0) {
    if (program !== 'cargo') process.stdout.write(stdout)
    process.exit(status ?? 1)
  }
  return stdout
}
