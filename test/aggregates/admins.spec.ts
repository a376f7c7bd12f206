import { type AdminReinstated, type AdminRetired, adminsDecider } from '../../src/aggregates/admins.ts';
import { given } from '../support/given.ts';

const retired = (userId: string): AdminRetired => ({ type: 'AdminRetired', data: { userId } });
const reinstated = (userId: string): AdminReinstated => ({ type: 'AdminReinstated', data: { userId } });
const retire = (userId: string, ...others: string[]) => ({ type: 'RetireAdmin', data: { userId, others } }) as const;
const reinstate = (userId: string) => ({ type: 'ReinstateAdmin', data: { userId } }) as const;

describe('the admins', () => {
  it('can lose one of them while another is left', () => {
    given(adminsDecider).when(retire('ada', 'bea')).then(retired('ada'));
    given(adminsDecider, retired('ada')).when(retire('ada', 'bea')).thenNothing();
  });

  it('cannot lose the last one', () => {
    given(adminsDecider).when(retire('ada')).thenRefused('LastAdmin');
    given(adminsDecider).when(retire('ada', 'ada')).thenRefused('LastAdmin');
  });

  it('cannot lose two at once that each count on the other', () => {
    given(adminsDecider, retired('ada')).when(retire('bea', 'ada')).thenRefused('LastAdmin');
    given(adminsDecider, retired('ada'), reinstated('ada')).when(retire('bea', 'ada')).then(retired('bea'));
  });

  it('get one back, once', () => {
    given(adminsDecider, retired('ada')).when(reinstate('ada')).then(reinstated('ada'));
    given(adminsDecider).when(reinstate('ada')).thenNothing();
  });
});
