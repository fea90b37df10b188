//! Codes of a close (RFC 6455 section 7.4.1).

pub(super) const NORMAL: u16 = 1000;
pub(super) const GOING_AWAY: u16 = 1001;
pub(super) const PROTOCOL_ERROR: u16 = 1002;
/// None was given; not to be sent.
pub(super) const NO_STATUS: u16 = 1005;
/// There was no close; not to be sent.
pub(super) const ABNORMAL: u16 = 1006;
pub(super) const INVALID_DATA: u16 = 1007;
pub(super) const TOO_BIG: u16 = 1009;
pub(super) const INTERNAL_ERROR: u16 = 1011;

/// Returns whether a close may have this code: one that RFC 6455 or IANA's registry has for it (1012 to
/// 1014 are the registry's), or one that is left to libraries and applications.
pub(super) const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
