import t from 'tap'
import { html } from '../../../src/control/web/html.ts'
import { markedText } from '../../../src/control/web/marked-text.ts'
import { type SqlToken, sqlTokens } from '../../../src/control/web/sql-tokens.ts'
import { statementPanel } from '../../../src/control/web/statement-panel.ts'
import { draftOf } from '../../approval/fixtures.ts'

const kinds = (text: string): readonly string[] =>
  sqlTokens(text)
    .filter(({ kind }: SqlToken) => kind !== 'blank')
    .map(({ kind, text }) => `${kind} ${text}`)

const panelOf = (statement: string): string =>
  statementPanel({
    ...draftOf({ statement }),
    ...{ id: 'r1', state: 'pending', createdAt: '', expiresAt: '', updatedAt: '', spentAt: null },
    ...{ remindedAt: null, escalated: [] },
    ...{ votes: [], cleared: [], grant: null, waiting: null, withdrawnCause: null, outcome: null },
    history: { approved: 0, lastBy: null },
  }).toString()

/** What a browser shows of markup. */
const shown = (markup: string): string =>
  markup
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

t.test('what is inserted is text, in elements and in attributes', async (t) => {
  const evil = `"><script>alert('x')</script>&amp;`
  t.equal(
    html`<p title="${evil}">${evil}</p>`.toString(),
    '<p title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;</p>',
  )
  t.equal(html`${[html`<b>${1}</b>`, null, false, '<']}`.toString(), '<b>1</b>&lt;')
})

t.test('a statement is cut as PostgreSQL reads it', async (t) => {
  t.same(kinds("SELECT 'it''s', 1.5e3 -- no' \nFROM t"), [
    ...['keyword SELECT', "string 'it''s'", 'symbol ,', 'number 1.5e3'],
    ...["comment -- no' ", 'keyword FROM', 'name t'],
  ])
  t.same(kinds(String.raw`e'\'; DROP' 'a\' x`), [
    ...[String.raw`string e'\'; DROP'`, String.raw`string 'a\'`, 'name x'],
  ])
  t.same(kinds('/* a /* b */ c */ DROP'), ['comment /* a /* b */ c */', 'keyword DROP'])
  t.same(kinds('$a$ -- $$ $a$ $1 "DROP ""x"" "'), [
    ...['string $a$ -- $$ $a$', 'name $1', 'name "DROP ""x"" "'],
  ])
  t.match(kinds('SELECT /*!50000 1 */'), ['keyword SELECT', 'symbol /*'], 'MySQL would run it')
  for (const open of ["'never ends", '/* never ends', '$x$ never ends', '"never ends']) {
    t.equal(sqlTokens(open).length, 1, open)
  }
})

t.test('nothing is lost in cutting, whatever the text is', async (t) => {
  const pieces = [
    ...["'", '"', '`', '--', '/*', '*/', '$$', '$a$', '\\', "e'", "U&'", '\n', '\r', ' '],
    ...['DROP', 'é', '\u202e', '\ud83d\ude00', '\ud83d', '\u0000', '1e', '0x', '.', '$1', ';', '<'],
  ]
  let seed = 7
  const pick = () => {
    seed = (seed * 48271) % 2147483647
    return pieces[seed % pieces.length] ?? ''
  }
  for (let run = 0; run < 3_000; run++) {
    const text = Array.from({ length: 1 + (run % 30) }, pick).join('')
    const again = sqlTokens(text)
      .map((token) => token.text)
      .join('')
    if (again !== text) t.equal(again, text)
  }
  const plain = `SELECT '<img src=x onerror="alert(1)">' & "a" -- </code></pre>\n`
  t.match(shown(panelOf(plain)), plain)
})

t.test('a statement that is markup stays text', async (t) => {
  const markup = panelOf(
    `SELECT '</code></pre><script>x()</script><img src=x onerror=x()>' --</style>`,
  )
  t.notMatch(markup, /<script|<img|<\/style/)
  t.match(markup, '&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;')
})

t.test('what does not show is written out, and told of', async (t) => {
  const text = `UPDATE t SET a = 'x\u202e' --\u200b\u0000\u2066\u{e0041}\u00ad\u3164\u2028y`
  const markup = panelOf(text)
  for (const character of '\u202e\u200b\u0000\u2066\u{e0041}\u00ad\u3164\u2028') {
    t.notOk(markup.includes(character))
  }
  for (const name of ['202E', '200B', '0000', '2066', 'E0041', '00AD', '3164', '2028']) {
    t.match(markup, `<b class="unseen" title="a character that doesn't show">U+${name}</b>`)
  }
  t.match(markup, "Has characters that don't show")
  t.notMatch(
    panelOf("SELECT 'Åse søger'"),
    'class="warning"',
    'honest letters are not cried wolf at',
  )
})

t.test('what looks like something else is marked', async (t) => {
  const odd = (text: string, everyLetter = false) =>
    [
      ...markedText(text, { everyLetter })
        .toString()
        .matchAll(/class="odd"[^>]*>(.)/gu),
    ].map((match) => match[1])
  t.same(odd('n\u0430me', true), ['\u0430'], 'a Cyrillic letter in a name')
  t.same(odd('\u0438\u043c\u044f', true), ['\u0438', '\u043c', '\u044f'], 'any in code')
  t.same(odd('\u0438\u043c\u044f'), [], 'none in prose')
  t.same(odd('p\u0430ypal and \u0438\u043c\u044f'), ['\u0430'], 'but one among others')
  t.same(odd('a\uff07 \u2019; \u2010\u2010 \u2215\u2217'), [
    ...['\uff07', '\u2019', '\u2010', '\u2010', '\u2215', '\u2217'],
  ])
  t.same(odd('na\u00efve caf\u00e9'), [])
  t.match(markedText('e\u0301').toString(), 'U+0301', 'marks that lie over others')
})

t.test('blanks do not push anything out of sight', async (t) => {
  const markup = panelOf(`SELECT 1;${' '.repeat(500)}DROP TABLE a;${'\n'.repeat(300)}DROP TABLE b`)
  t.match(markup, '500 blanks')
  t.match(markup, '300 line breaks')
  t.match(panelOf(`SELECT ${'\u202e'.repeat(900)}1`), 'U+202E, 900 times')
  t.ok(shown(markup).length < 500)
})

t.test('a long statement is there to its end, and its length is told', async (t) => {
  const rows = Array.from({ length: 40_000 }, (_, at) => `(${at}, 'row')`).join(',\n')
  const long = `INSERT INTO t VALUES\n${rows}; DROP TABLE the_end`
  const markup = panelOf(long)
  t.match(markup, 'This statement is long: <strong>40,001 lines,')
  t.ok(shown(markup).includes(long))
  t.match(shown(panelOf(`SELECT '${'x'.repeat(199_000)}' FROM the_end`)), 'the_end')
  t.notMatch(panelOf('SELECT 1'), 'is long')
})
