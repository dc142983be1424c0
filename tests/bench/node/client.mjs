// Bench client: connects once, runs the steps of a spec, prints what it measured. usage: client.mjs SPEC_JSON

import { connect } from '../../../bindings-node/dist/index.mjs'

const spec = JSON.parse(process.argv[2])
const protocolVersion = { modern: '2026-07-28', legacy: '2025-11-25' }[spec.protocol]
const [command, ...args] = spec.command ?? []
const target = spec.transport === 'stdio' ? { command, args } : spec.url

const begin = performance.now()
const client = await connect(target, { name: 'bench', version: '0', protocolVersion })
const connectSeconds = (performance.now() - begin) / 1e3

const steps = []
for (const step of spec.steps) steps.push(await run(step))
console.log(JSON.stringify({ negotiated: client.protocolVersion, connect_s: connectSeconds, steps }))
await client.close()

/** Runs one step and measures it. */
async function run({ op, n, warmup = 0, inflight, size }) {
  if (op === 'conc') {
    return measure(op, n, async () => {
      let left = n
      const worker = async () => {
        while (left-- > 0) await echo()
      }
      await Promise.all(Array.from({ length: inflight }, worker))
    })
  }
  const call = { seq: echo, blob: () => blob(size) }[op]
  for (let i = 0; i < warmup; i++) await call()
  const latencies = []
  const result = await measure(op, n, async () => {
    for (let i = 0; i < n; i++) {
      const start = performance.now()
      await call()
      latencies.push(Math.round((performance.now() - start) * 1e4) / 10)
    }
  })
  return op === 'seq' ? { ...result, lat_us: latencies } : result
}

async function measure(op, n, work) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const elapsed = (performance.now() - start) / 1e3
  const used = process.cpuUsage(cpu)
  return { op, n, elapsed_s: elapsed, cpu_s: (used.user + used.system) / 1e6 }
}

async function echo() {
  const result = await client.callTool('echo', { text: 'hello' })
  if (result.isError || result.text !== 'hello') throw new Error(`echo answered ${JSON.stringify(result)}`)
}

async function blob(size) {
  const result = await client.callTool('blob', { size })
  if (result.isError || result.text.length !== size) throw new Error(`blob answered ${result.text.length} characters`)
}
