import { CommandJudge } from './command-judge.ts'
import type { Exchange } from './exchange.ts'
import type { OwnAnswers } from './own-answers.ts'
import { PortalJudge } from './portal-judge.ts'
import { PreparedCommands } from './prepared-commands.ts'
import type { SaidSettings } from './said-settings.ts'

import type { Services, Settings } from './services.ts'
import type { Names } from './session-names.ts'
import type { Judge } from './step.ts'
import type { Verdicts } from './verdicts.ts'

export interface JudgeOptions {
  readonly services: Services
  readonly names: Names
  readonly verdicts: Verdicts
  readonly own: OwnAnswers
  readonly said: SaidSettings
  readonly settings: () => Settings
  /** Ends a session of the same agent, or what it does; false where there is none of this id. */
  readonly kill: (connectionId: number, onlyQuery: boolean) => boolean
  /** An exchange is over of which the server tells nothing more. */
  readonly over: (exchange: Exchange) => void
}

/** The judge of one session's frames, as its protocol needs one. */
export function openJudge(options: JudgeOptions): Judge {
  const { services, names, verdicts, own, said, settings, kill, over } = options
  if (services.protocol.pipelines) return new PortalJudge(services, names, verdicts, own)
  const prepared = new PreparedCommands(services, settings, over)
  const { principal } = said
  return new CommandJudge({
    services,
    verdicts,
    prepared,
    own,
    refusedSchema: (statement) =>
      services.schemas?.refusal(principal, statement, settings()) ?? null,
    findSchema: (name) => services.schemas?.find(principal, name),
    kill,
    over,
    resetNames: () => {
      said.resetAll()
      prepared.clear()
      names.forgetAll()
    },
  })
}
