import t from 'tap'
import { renderRequest } from '../../src/approval/channels/rendering.ts'
import { regulationOf, regulationsOf } from '../../src/approval/regulations.ts'
import {
  regulationsFromView,
  requestFromView,
  requestView,
} from '../../src/control/request-view.ts'
import { draftOf, openDesk } from './fixtures.ts'

const regulations = { pii: 'GDPR Art. 4(1)', 'pii.health': 'GDPR Art. 9', 'pci.pan': 'PCI DSS 3.4' }

t.test('the longest prefix wins, of whole words only', async (t) => {
  t.equal(regulationOf('pii.email', regulations), 'GDPR Art. 4(1)')
  t.equal(regulationOf('pii.health.blood', regulations), 'GDPR Art. 9')
  t.equal(regulationOf('pii', regulations), 'GDPR Art. 4(1)')
  t.equal(regulationOf('piii.email', regulations), null)
  t.equal(regulationOf('pci', regulations), null, 'of a prefix that is longer nothing is said')
  t.equal(regulationOf('constructor', {}), null)
  t.same(regulationsOf(['pii.email', 'hr.salary'], regulations), { 'pii.email': 'GDPR Art. 4(1)' })
})

t.test('the API and the command line say them beside the classes', async (t) => {
  const { desk } = await openDesk(t)
  const draft = draftOf({ classes: ['pii.email', 'hr.salary'] })
  const { request } = await desk.open(draft, 'line')
  const view = requestView(request, 'http://x', regulations)
  t.same(view.class_regulations, { 'pii.email': 'GDPR Art. 4(1)' })
  const card = renderRequest(requestFromView(view), regulationsFromView(view))
  t.match(
    card.fields.find(({ label }) => label === 'Classes'),
    { value: 'pii.email (GDPR Art. 4(1)), hr.salary' },
  )
  t.same(regulationsFromView({}), {}, 'of a server that says none')
})
