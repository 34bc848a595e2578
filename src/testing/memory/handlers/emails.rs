//! Which email addresses are taken for somebody's.

/// Providers where everybody can have an address. The real server knows thousands.
const FREE: [&str; 22] = [
    "163.com",
    "aol.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "web.de",
    "yahoo.com",
    "yandex.com",
    "yandex.ru",
    "zoho.com",
];

/// Providers of addresses to throw away. The real server knows tens of thousands.
const DISPOSABLE: [&str; 7] = [
    "10minutemail.com",
    "guerrillamail.com",
    "mailinator.com",
    "sharklasers.com",
    "temp-mail.org",
    "trashmail.com",
    "yopmail.com",
];

/// Top-level domains that nobody can register below; of all others the real server has the list.
const RESERVED: [&str; 9] = [
    "corp",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localhost",
    "test",
];

/// What is wrong with an address at work, if anything is.
pub(super) fn fault(text: &str) -> Option<&'static str> {
    const INVALID: Option<&str> = Some("invalid email address");
    if text.is_empty() {
        return Some("email is required");
    }
    // A name beside the address is for letters, not for forms.
    let Some(address) = address(text).filter(|address| text.trim().len() <= address.len() + 2)
    else {
        return INVALID;
    };
    let domain = address
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_public = domain.contains('.')
        && top.len() > 1
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !RESERVED.contains(&top);
    if !is_public || DISPOSABLE.contains(&domain.as_str()) {
        return INVALID;
    }
    FREE.contains(&domain.as_str())
        .then_some("please use a business email address")
}

/// The address in a text such as `jane@lakehouse.dev` or `Jane <jane@lakehouse.dev>`.
pub(super) fn address(text: &str) -> Option<&str> {
    let text = text.trim();
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => text,
    };
    let (local, domain) = address.rsplit_once('@')?;
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    let parts = |text: &str| {
        text.split('.')
            .all(|part| !part.is_empty() && part.chars().all(allowed))
    };
    (parts(local) && parts(domain)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_work_are_taken_and_others_are_not() {
        let invalid = Some("invalid email address");
        let free = Some("please use a business email address");
        let cases = [
            ("jane@lakehouse-works.dev", None),
            ("<jane@lakehouse-works.dev>", None),
            ("jane+lake@eu.lakehouse-works.co.uk", None),
            ("", Some("email is required")),
            ("bad", invalid),
            ("a@b@c.dev", invalid),
            ("jane@cromulent", invalid),
            ("jane@there.is.no.such-tld", invalid),
            ("jane@lake.test", invalid),
            ("jane@.dev", invalid),
            ("Jane <jane@lakehouse-works.dev>", invalid),
            ("jane@mailinator.com", invalid),
            ("jane@Gmail.com", free),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
