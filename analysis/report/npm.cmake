# Fetches what report.html is drawn with (and what its test drives a browser with) from npm, as
# package-lock.json pins it. Where that fails, reports have tables and no charts, and the next
# configuration tries again.
set(folder ${CMAKE_BINARY_DIR}/report)
set(charts ${folder}/node_modules/echarts/dist/echarts.min.js)
file(MAKE_DIRECTORY ${folder})
foreach(name package.json package-lock.json)
  configure_file(${PROJECT_SOURCE_DIR}/analysis/report/${name} ${folder}/${name} COPYONLY)
endforeach()
file(SHA256 ${folder}/package-lock.json lock)
set(stamp ${folder}/node_modules/.moesim-${lock})
if(NOT EXISTS ${stamp})
  find_program(NPM npm)
  set(why "npm is not installed")
  if(NPM)
    execute_process(
      COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-retries=1
              --fetch-timeout=20000
      WORKING_DIRECTORY ${folder} TIMEOUT 120 RESULT_VARIABLE failed OUTPUT_QUIET
      ERROR_VARIABLE why)
    if(NOT failed AND EXISTS ${charts})
      file(TOUCH ${stamp})
    endif()
  endif()
endif()
if(EXISTS ${charts})
  file(COPY_FILE ${charts} ${folder}/echarts.js ONLY_IF_DIFFERENT)
else()
  string(REGEX REPLACE "\n.*" "" why "${why}")
  if(why STREQUAL "")
    set(why "npm ci failed")
  endif()
  message(NOTICE "moesim: report.html will have no charts, only tables: ${why}")
  file(WRITE ${folder}/echarts.none "")
  file(COPY_FILE ${folder}/echarts.none ${folder}/echarts.js ONLY_IF_DIFFERENT)
endif()
