// Recorded requests: when they arrived, and how long their prompts and answers were (policies.md
// 6.6).
//
// Four formats, gzipped or not, told apart by how the file begins and not by its name:
// * ours: CSV with arrival_ms, input_tokens, output_tokens, and perhaps reusable_prefix_tokens,
//   class, priority and hash_ids (of blocks of kPrefixBlock tokens, with blanks between them);
// * Mooncake: a JSON object per line with timestamp (ms), input_length, output_length and perhaps
//   hash_ids;
// * Azure: CSV with TIMESTAMP (2023-11-16 18:15:46.6805900), ContextTokens, GeneratedTokens;
// * BurstGPT: CSV with Timestamp (s), Request tokens, Response tokens, and Log Type, its class.
// Other columns and fields are passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/model/request.hpp"

namespace moesim {

struct RequestRow {
  std::int64_t nanoseconds = 0;  // by the clock of the file
  int input = 0, output = 0;     // tokens, ≥ 1
  int kind = 0;                  // of RequestFile::classes
  std::vector<std::uint64_t> blocks = {};
  int repeated = 0;  // as in Request
};

struct RequestFile {
  std::vector<RequestRow> rows;       // in the order of the file
  std::vector<RequestClass> classes;  // at least one; its name is empty where the file names none
  int left_out = 0;                   // rows without a prompt or without an answer: failed requests
};

// `shown` is the name in messages. Throws InputError with the line where the file is not so.
RequestFile read_request_file(const std::filesystem::path& file, const std::string& shown);

}  // namespace moesim
