/** Status flags of OK and EOF packets, named as in the manual ("SERVER_STATUS_flags_enum"). */
export const SERVER_STATUS_IN_TRANS = 0x0001
export const SERVER_STATUS_AUTOCOMMIT = 0x0002
export const SERVER_MORE_RESULTS_EXISTS = 0x0008
export const SERVER_STATUS_CURSOR_EXISTS = 0x0040
export const SERVER_STATUS_LAST_ROW_SENT = 0x0080
export const SERVER_PS_OUT_PARAMS = 0x1000
export const SERVER_SESSION_STATE_CHANGED = 0x4000
