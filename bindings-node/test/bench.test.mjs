// The bench programs do what a driver expects of them; how fast is not looked at here.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = (name) => fileURLToPath(new URL(`../../tests/bench/node/${name}`, import.meta.url))

for (const [protocol, revision] of [
  ['modern', '2026-07-28'],
  ['legacy', '2025-11-25'],
]) {
  test(`the bench client runs and reports every step in ${revision}`, async () => {
    const steps = [
      { op: 'seq', n: 5, warmup: 1 },
      { op: 'conc', n: 20, inflight: 4 },
      { op: 'blob', n: 2, warmup: 1, size: 100_000 },
    ]
    const command = [process.execPath, program('server.mjs'), 'stdio']
    const specification = JSON.stringify({ transport: 'stdio', command, protocol, steps })
    const { stdout } = await promisify(execFile)(process.execPath, [program('client.mjs'), specification])
    const report = JSON.parse(stdout.split('\n').findLast((line) => line.startsWith('{')))
    assert.equal(report.negotiated, revision)
    assert.deepEqual(
      report.steps.map((step) => step.op),
      ['seq', 'conc', 'blob'],
    )
    assert.equal(report.steps[0].lat_us.length, 5)
  })
}
