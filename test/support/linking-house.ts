import { ChatLinking } from '../../src/approval/chat-linking.ts'
import { ChatLinks } from '../../src/identity/chat-links.ts'
import { Directory } from '../../src/identity/directory.ts'
import type { DeskFixture } from '../approval/fixtures.ts'

/** What somebody in a test is signed in by. */
export const BY = { token: 'f'.repeat(64) }

/** Accounts that people have linked, of the people at a desk and on its trail. */
export function linkingAt(fixture: Omit<DeskFixture, 'desk' | 'store' | 'events'>) {
  const { data, clock, records } = fixture
  const logged: string[] = []
  const log = (text: string) => {
    logged.push(text)
  }
  const gone: string[] = []
  /** Tokens and subjects that were taken away. */
  const over = new Set<string>()
  const links = new ChatLinks({
    ...{ data, clock, log },
    stands: ({ by }) => !over.has('token' in by ? by.token : by.subject),
    onGone: (all) => gone.push(...all.map(({ user }) => user)),
  })
  const directory = () => new Directory(fixture.people, fixture.groups)
  const linking = new ChatLinking({
    ...{ links, directory, clock, log },
    record: async (event) => {
      if (fixture.recordTrouble) throw fixture.recordTrouble
      records.push(event)
    },
  })
  return Object.assign(linking, { logged, gone, over, directory })
}
