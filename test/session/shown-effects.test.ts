import t from 'tap'
import { shownEffects } from '../../src/session/shown-effects.ts'
import { unreadable } from '../../src/sql/unreadable.ts'

t.test('a place within a statement is shown as one within the whole text', async (t) => {
  const statement = (sql: string, at?: number) => ({
    ...unreadable(sql, ''),
    effects: [{ effect: 'ddl' as const, reason: 'r', ...(at === undefined ? {} : { at }) }],
  })
  const shown = (sql: string, ...statements: ReturnType<typeof statement>[]) =>
    shownEffects({ sql, statements, parameters: [] }).map(({ at }) => at)
  t.same(shown(' DROP x; DROP x', statement('DROP x', 5), statement('DROP x', 0)), [6, 9])
  t.same(shown('DROP x', statement('DROP x')), [undefined])
  t.same(shown('EXECUTE p', statement('DROP x', 5)), [undefined], 'of a text that is not shown')
})
