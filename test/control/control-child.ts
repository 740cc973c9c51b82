import { hostOf, runControlProcess } from '../../src/cli/control-process.ts'

runControlProcess(hostOf(process), { version: 'test' })
