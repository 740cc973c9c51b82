import t from 'tap'
import { textWithoutConstants } from '../../src/session/chat-text.ts'
import type { Classification } from '../../src/sql/statement.ts'

const of = (...texts: readonly string[]) =>
  textWithoutConstants(texts.map((withoutLiterals) => ({ withoutLiterals }) as Classification))

t.test('says a text without constants, and none where one could be left', async (t) => {
  t.equal(
    of('SELECT a FROM b WHERE c = ?', 'DELETE FROM d'),
    'SELECT a FROM b WHERE c = ?;\nDELETE FROM d',
  )
  t.equal(of(), null, 'nothing was read')
  t.equal(of('SELECT ?', ''), null, 'one of them could not be read')
  t.equal(of("SELECT 'x"), null, 'a quote that the lexer took for something else')
  t.equal(of('SELECT /*!99999 123-45-6789 */ ?'), null, 'comments that a server may run')
  t.equal(of('SELECT 1--1'), null)
  t.equal(of('x'.repeat(10_001)), null, 'nobody reads that in chat')
})
