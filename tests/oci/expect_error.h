// Asserts that a call throws Error of one code whose text holds a phrase.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace cooper::tests {

template <class Call>
void expect_error(Errc code, const std::string& phrase, Call&& call) {
  try {
    call();
    ADD_FAILURE() << "no Error was thrown, expected: " << phrase;
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    EXPECT_THAT(std::string(error.what()), testing::HasSubstr(phrase));
  }
}

}  // namespace cooper::tests
