import { PLAIN_FAULTS } from './faults.ts'
import { type Breakage, write } from './hosted-memory.ts'
import { ORDERING_FAULTS } from './ordering-faults.ts'

/** One of the twelve ways in which a storage is most likely to be wrong, and the verdict of the suite. */
export interface Mutant {
  mutant: string
  breakage: Breakage
  /** The cases that notice it. */
  caughtBy: string[]
}

/** Faults of the lists, by their names: one wrong storage has all of them. */
function withFaults(...names: string[]): Breakage {
  const faults = names.map((name) => {
    const found = [...PLAIN_FAULTS, ...ORDERING_FAULTS].find(({ fault }) => fault === name)
    if (found === undefined) throw new Error(`there is no fault "${name}"`)
    return found
  })
  return { of: (inner, tables) => Object.assign({}, ...faults.map(({ of }) => of(inner, tables))) }
}

const settling: Mutant[] = [
  {
    mutant: '1 ignores the fencing token',
    breakage: withFaults('the fencing token is ignored'),
    caughtBy: [
      'leases: a lost one is settled, and only the next claim may settle from then on',
      'settle: another claim than the one in force is stale, and writes nothing',
      'settle: a batch is answered in its order, each on its own',
      'observations: what is not written is not observed, and health is no change of the endpoint set',
      'ordering: a stale settlement gives nobody a turn',
    ],
  },
  {
    mutant: '2 loses the attempt when it moves the delivery',
    breakage: withFaults('the delivery moves, its attempt is lost'),
    caughtBy: [
      'settle: the attempt and the next state are written together',
      'settle: an attempt without an answer is kept as it was given',
      'settle: the same settlement again is already applied, and writes nothing twice',
      'lists: attempts in the order of their numbers, in pages of any size',
      'concurrency: of parallel settlements of one lease one is applied',
      'durability: events, deliveries, attempts and endpoints are there after closing and opening',
    ],
  },
]

const claiming: Mutant[] = [
  {
    mutant: '3 claims from a blocked lane',
    breakage: withFaults('a blocked lane is claimed from'),
    caughtBy: [
      'hold: a paused lane keeps its deliveries pending and gives none',
      'hold: an attempt in flight is settled, its retry is held',
      'ordering: a paused endpoint keeps the turns, and goes on in order',
      'durability: lanes and leases go on as they were',
    ],
  },
]

const accepting: Mutant[] = [
  {
    mutant: '4 is not atomic over a batch',
    breakage: withFaults('a batch of events is written one by one', 'a batch of settlements is written one by one'),
    caughtBy: [
      'atomicity: a batch of events of which one fails writes none',
      'atomicity: a batch of settlements of which one fails writes none',
    ],
  },
  {
    mutant: '5 accepts a key twice under concurrency',
    breakage: withFaults('a key is looked up first and written later'),
    caughtBy: ['concurrency: of parallel inserts under one key one is taken', 'two instances: a key is accepted once'],
  },
]

const serving: Mutant[] = [
  {
    mutant: '6 claims early',
    breakage: withFaults('a delivery is claimed before it is due'),
    caughtBy: [
      'claim: never before it is due',
      'throttle: the whole lane rests until the moment that a settlement set',
      'ordering: while the head is retried its key waits, other keys and those without one go on',
      'ordering: a lane that rests keeps the turns',
    ],
  },
  {
    mutant: '7 claims unfairly',
    breakage: withFaults('lanes are served by their names'),
    caughtBy: [
      'fairness: due lanes stand in line by the moment they fell due',
      'fairness: an endpoint with a long queue does not delay another',
      'fairness: no lane is served twice before each was served once',
      'fairness: a newcomer behind a queue waits for one turn, not for the queue',
      'fairness: tenants are listed in turn, one lane each',
      'fairness: a tenant with many endpoints does not delay another',
      'ordering: the lane of the next one stands in line since it has its turn',
    ],
  },
]

const keeping: Mutant[] = [
  {
    mutant: '8 has a cursor that skips rows when rows are inserted',
    breakage: withFaults('a cursor counts rows, so that inserted rows move it'),
    caughtBy: ['lists: what is inserted between two pages neither hides nor repeats anything'],
  },
  {
    mutant: '9 prunes live rows',
    breakage: withFaults('prune takes what is still to be delivered'),
    caughtBy: [
      'prune: never what is pending, leased or held, however old',
      'prune: an event stays while one of its deliveries does',
      'prune: in small portions it removes the same',
      'ordering: prune leaves those that wait, and takes the heads before them',
    ],
  },
  {
    mutant: '10 leaves rows of insertEventIn after a rollback',
    breakage: { rollback: write },
    caughtBy: [
      'transactions: a rollback leaves no trace',
      'transactions: several events in one are accepted together, or not at all',
      'transactions: an expired key is free again, unless that is rolled back',
      'transactions: many open at once do not wait for each other, nor the storage for them',
    ],
  },
  {
    mutant: '11 orders by insertion instead of fan-out',
    breakage: withFaults('turns go by the events as they were inserted'),
    caughtBy: ['ordering: turns go by the deliveries as they were written, not by their events'],
  },
  {
    mutant: '12 settles a settled delivery again',
    breakage: withFaults('a settled delivery is settled again'),
    caughtBy: [
      'settle: what is not leased is not settled',
      'settle: a settled delivery keeps its verdict',
      'concurrency: of parallel settlements of one lease one is applied',
    ],
  },
]

export const TWELVE_MUTANTS: Mutant[] = [...settling, ...claiming, ...accepting, ...serving, ...keeping]
