export const NOTHING = 'here';
