#include <gtest/gtest.h>

#include "layers/copy.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

struct ModeCase {
  const char* text;
  std::uint32_t before;
  std::uint32_t file;
  std::uint32_t directory;
};

TEST(ModeChange, COPY_22_octal) {
  for (const ModeCase& c :
       {ModeCase{"0", 0755, 0, 0}, ModeCase{"644", 0777, 0644, 0644},
        ModeCase{"0755", 0, 0755, 0755}, ModeCase{"4755", 0644, 04755, 04755},
        ModeCase{"07777", 0, 07777, 07777}, ModeCase{"00000755", 0, 0755, 0755}}) {
    const ModeChange change = ModeChange::parse(c.text);
    EXPECT_EQ(change.apply(c.before, false), c.file) << c.text;
    EXPECT_EQ(change.apply(c.before, true), c.directory) << c.text;
    EXPECT_EQ(change.octal(), c.file) << c.text;
  }
}

TEST(ModeChange, COPY_22_bad_parameters_are_named) {
  for (const char* text :
       {"", "8", "0o755", "10000", "77777777777777777777", "-1", "755 ", "rwx", "u", "u+q", "u+r,",
        ",u+r", "u+r;g+r", "u7", "+7", "a=rwxz", "x+u", "=,", "u,g+r"}) {
    expect_error(Errc::invalid,
                 {std::string("invalid chmod parameter: '") + text +
                  "'. it should be octal string and between "
                  "0 and 07777"},
                 [&] { ModeChange::parse(text); });
  }
}

TEST(ModeChange, COPY_23_symbolic) {
  const ModeCase cases[] = {
      {"u=rwX,go=rX", 0640, 0644, 0755},  // X: directories only here
      {"u=rwX,go=rX", 0750, 0755, 0755},  // X: executable already
      {"u=rwX,go=rX", 0601, 0755, 0755},  // by anybody
      {"+x", 0644, 0755, 0755},           // umask 0: everybody
      {"+w", 0444, 0666, 0666},          {"a-w", 0777, 0555, 0555},
      {"-x", 0755, 0644, 0644},          {"=r", 0777, 0444, 0444},
      {"=", 07777, 01000, 01000},  // the sticky bit belongs to nobody
      {"go=", 0777, 0700, 0700},         {"u+s", 0755, 04755, 04755},
      {"g+s", 0755, 02755, 02755},       {"+s", 0755, 06755, 06755},
      {"o+s", 0755, 0755, 0755},         {"ug-s", 06755, 0755, 0755},
      {"+t", 0755, 01755, 01755},        {"a+t", 0755, 01755, 01755},
      {"o+t", 0755, 0755, 0755},         {"-t", 01755, 0755, 0755},
      {"u=rwxs", 0, 04700, 04700},       {"u=rw", 04755, 0655, 0655},  // "=" takes set-id away
      {"g=u", 0740, 0770, 0770},         {"go=u-w", 0751, 0755, 0755},
      {"o+g", 0750, 0755, 0755},         {"u-o", 0755, 0255, 0255},
      {"u=g", 0451, 0551, 0551},  // reads g before u is cleared
      {"u=u", 0751, 0751, 0751},         {"a+rX", 0600, 0644, 0755},
      {"-X", 0755, 0644, 0644},          {"u+x-w", 0644, 0544, 0544},
      {"ugo+rwx", 0, 0777, 0777},        {"u+r,g+w,o+x", 0, 0421, 0421},
      {"+", 0640, 0640, 0640},           {"a=X", 0644, 0, 0111},  // by the mode it had
      {"a-x,a+X", 0755, 0755, 0755},                              // likewise
  };
  for (const ModeCase& c : cases) {
    const ModeChange change = ModeChange::parse(c.text);
    EXPECT_EQ(change.apply(c.before, false), c.file) << c.text << " file " << std::oct << c.before;
    EXPECT_EQ(change.apply(c.before, true), c.directory)
        << c.text << " directory " << std::oct << c.before;
    EXPECT_FALSE(change.octal());
  }
}

}  // namespace
}  // namespace cooper::layers
