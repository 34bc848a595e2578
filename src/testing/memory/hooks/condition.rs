//! The `if` of a hook: whether it runs after another one failed.
//!
//! The real server evaluates a whole expression language; here are the parts of it that mean something for two
//! functions: `success()`, `failure()`, `true`, `false`, not, and, or, equality and parentheses.

/// The real server's words for an expression that is something else than a truth value.
const NOT_A_TRUTH: &str = "hook 'if' expression should evaluate to a boolean";

/// Evaluates an expression. `success` tells whether all hooks before were.
pub(super) fn evaluate(expression: &str, success: bool) -> Result<bool, String> {
    let tokens = tokenize(expression)?;
    let mut parser = Parser {
        tokens: &tokens,
        success,
    };
    let value = parser.either()?;
    match parser.tokens {
        [] => Ok(value),
        [token, ..] => Err(unexpected(token)),
    }
}

struct Parser<'a> {
    tokens: &'a [String],
    success: bool,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<bool, String> {
        let mut value = self.both()?;
        while self.take(&["||", "or"]) {
            value |= self.both()?;
        }
        Ok(value)
    }

    fn both(&mut self) -> Result<bool, String> {
        let mut value = self.equal()?;
        while self.take(&["&&", "and"]) {
            value &= self.equal()?;
        }
        Ok(value)
    }

    fn equal(&mut self) -> Result<bool, String> {
        let value = self.single()?;
        if self.take(&["=="]) {
            return Ok(value == self.single()?);
        }
        if self.take(&["!="]) {
            return Ok(value != self.single()?);
        }
        Ok(value)
    }

    fn single(&mut self) -> Result<bool, String> {
        if self.take(&["!", "not"]) {
            return Ok(!self.single()?);
        }
        if self.take(&["("]) {
            let value = self.either()?;
            return self.expect(")").map(|()| value);
        }
        let value = match self.tokens.first().map(String::as_str) {
            Some("true") => true,
            Some("false") => false,
            Some("success") => return self.function(self.success),
            Some("failure") => return self.function(!self.success),
            Some(token) if token.starts_with(|c: char| c.is_ascii_digit() || "'\"".contains(c)) => {
                return Err(NOT_A_TRUTH.into());
            }
            Some(token) => return Err(unexpected(token)),
            None => return Err("unexpected token EOF".into()),
        };
        self.tokens = &self.tokens[1..];
        Ok(value)
    }

    fn function(&mut self, value: bool) -> Result<bool, String> {
        self.tokens = &self.tokens[1..];
        if self.tokens.first().map(String::as_str) != Some("(") {
            // The function itself is a value too, but none that is true or false.
            return Err(NOT_A_TRUTH.into());
        }
        self.expect("(")?;
        self.expect(")").map(|()| value)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = self
            .tokens
            .first()
            .is_some_and(|token| words.contains(&token.as_str()));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        match self.tokens.first() {
            Some(token) if token == word => {
                self.tokens = &self.tokens[1..];
                Ok(())
            }
            Some(token) => Err(unexpected(token)),
            None => Err("unexpected token EOF".into()),
        }
    }
}

fn unexpected(token: &str) -> String {
    format!("unexpected token {token}")
}

fn tokenize(expression: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(c) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if is_word(c) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if matches!(c, '\'' | '"') {
            let end = rest[1..].find(c).ok_or("literal not terminated")?;
            end + 2
        } else if ["&&", "||", "==", "!="]
            .iter()
            .any(|sign| rest.starts_with(sign))
        {
            2
        } else {
            c.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_tell_whether_a_hook_runs_after_a_failure() {
        let cases = [
            ("success()", Ok(true), Ok(false)),
            ("failure()", Ok(false), Ok(true)),
            ("!success() || false", Ok(false), Ok(true)),
            ("not failure() and true", Ok(true), Ok(false)),
            (
                "success() == (1 == 1)",
                Err(NOT_A_TRUTH.to_owned()),
                Err(NOT_A_TRUTH.to_owned()),
            ),
            ("success() || failure()", Ok(true), Ok(true)),
            ("true", Ok(true), Ok(true)),
            (
                "success",
                Err(NOT_A_TRUTH.to_owned()),
                Err(NOT_A_TRUTH.to_owned()),
            ),
        ];
        for (expression, after_success, after_failure) in cases {
            assert_eq!(evaluate(expression, true), after_success, "{expression}");
            assert_eq!(evaluate(expression, false), after_failure, "{expression}");
        }
        assert!(evaluate("succes()", true).is_err());
        assert!(evaluate("true true", true).is_err());
        assert!(evaluate("(true", true).is_err());
        assert!(evaluate("'", true).is_err());
    }
}
