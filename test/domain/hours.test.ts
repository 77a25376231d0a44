import { isWithin, nextOutside, nextWithin } from '../../domain/hours.ts';

const berlin = 'Europe/Berlin';
const day = { from: '09:00', to: '17:00' };
const night = { from: '22:00', to: '07:00' };
const at = (text: string): Date => new Date(text);
const next = (hours: typeof day, zone: string, text: string): string => nextWithin(hours, zone, at(text)).toISOString();
const end = (hours: typeof day, zone: string, text: string): string => nextOutside(hours, zone, at(text)).toISOString();

it('hours of a day begin at from and end before to, by the clock on the wall', () => {
  expect(isWithin(day, berlin, at('2027-01-15T08:00:00Z'))).toBe(true);
  expect(isWithin(day, berlin, at('2027-01-15T07:59:59Z'))).toBe(false);
  expect(isWithin(day, berlin, at('2027-01-15T15:59:59Z'))).toBe(true);
  expect(isWithin(day, berlin, at('2027-01-15T16:00:00Z'))).toBe(false);
  // An hour earlier by UTC in summer.
  expect(isWithin(day, berlin, at('2027-07-15T07:00:00Z'))).toBe(true);
  expect(isWithin(day, 'Asia/Kolkata', at('2027-07-15T03:30:00Z'))).toBe(true);
  expect(isWithin(day, 'Asia/Kolkata', at('2027-07-15T03:29:00Z'))).toBe(false);
});

it('hours may go past midnight', () => {
  for (const [time, isIn] of [
    ['20:59', false],
    ['21:00', true],
    ['23:30', true],
    ['05:59', true],
    ['06:00', false],
  ] as const)
    expect([time, isWithin(night, berlin, at(`2027-01-15T${time}:00Z`))]).toEqual([time, isIn]);
});

it('finds when hours begin and end next, to the minute', () => {
  expect(next(day, berlin, '2027-01-15T03:12:45Z')).toBe('2027-01-15T08:00:00.000Z');
  expect(next(day, berlin, '2027-01-15T17:00:00Z')).toBe('2027-01-16T08:00:00.000Z');
  expect(next(day, berlin, '2027-01-15T09:12:45Z')).toBe('2027-01-15T09:12:45.000Z');
  expect(end(night, berlin, '2027-01-15T21:30:00Z')).toBe('2027-01-16T06:00:00.000Z');
  expect(end(night, berlin, '2027-01-15T12:00:00Z')).toBe('2027-01-15T12:00:00.000Z');
});

describe('a night in which the clock is changed', () => {
  it('to summer time has an hour less', () => {
    // 28 March 2027: 02:00 becomes 03:00.
    expect(end(night, berlin, '2027-03-27T21:00:00Z')).toBe('2027-03-28T05:00:00.000Z');
    expect(next(day, berlin, '2027-03-27T20:00:00Z')).toBe('2027-03-28T07:00:00.000Z');
  });

  it('to winter time has an hour more', () => {
    // 31 October 2027: 03:00 becomes 02:00.
    expect(end(night, berlin, '2027-10-30T20:00:00Z')).toBe('2027-10-31T06:00:00.000Z');
    expect(next(day, berlin, '2027-10-30T20:00:00Z')).toBe('2027-10-31T08:00:00.000Z');
  });

  it('ends hours whose end is skipped when the clock is put forward, and begins others then', () => {
    const skipped = { from: '22:00', to: '02:30' };
    expect(end(skipped, berlin, '2027-03-27T22:00:00Z')).toBe('2027-03-28T01:00:00.000Z');
    expect(next({ from: '02:15', to: '05:00' }, berlin, '2027-03-27T22:00:00Z')).toBe('2027-03-28T01:00:00.000Z');
  });

  it('leaves out hours that are skipped whole', () => {
    expect(next({ from: '02:10', to: '02:50' }, berlin, '2027-03-28T00:30:00Z')).toBe('2027-03-29T00:10:00.000Z');
  });

  it('has hours twice that are repeated', () => {
    const early = { from: '02:00', to: '02:30' };
    expect(end(early, berlin, '2027-10-31T00:10:00Z')).toBe('2027-10-31T00:30:00.000Z');
    expect(next(early, berlin, '2027-10-31T00:40:00Z')).toBe('2027-10-31T01:00:00.000Z');
    expect(end(early, berlin, '2027-10-31T01:05:00Z')).toBe('2027-10-31T01:30:00.000Z');
  });
});

it('every minute around changes of the clock agrees with the beginnings and ends that are found', () => {
  for (const [zone, first] of [
    [berlin, '2027-03-27T12:00:00Z'],
    [berlin, '2027-10-30T12:00:00Z'],
    ['Australia/Lord_Howe', '2027-04-03T06:00:00Z'],
    ['America/St_Johns', '2027-11-06T18:00:00Z'],
  ] as const)
    for (const hours of [day, night, { from: '01:30', to: '02:15' }]) {
      const start = at(first).getTime();
      const minutes = Array.from({ length: 36 * 60 }, (_, n) => new Date(start + n * 60_000));
      const within = minutes.map((minute) => isWithin(hours, zone, minute));
      for (let n = 0; n < minutes.length; n += 17) {
        const [opens, closes] = [within.indexOf(true, n), within.indexOf(false, n)];
        if (opens >= 0) expect(nextWithin(hours, zone, minutes[n]!)).toEqual(minutes[opens]);
        if (closes >= 0) expect(nextOutside(hours, zone, minutes[n]!)).toEqual(minutes[closes]);
      }
    }
});
