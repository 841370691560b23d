# Puts the parts of report.html into the program: analysis/report/assets.cpp.
include(analysis/report/npm.cmake)
set(folder ${CMAKE_BINARY_DIR}/report)
file(GLOB scripts CONFIGURE_DEPENDS analysis/report/page/*.js)
add_custom_command(
  OUTPUT ${folder}/page.js
  COMMAND cat ${scripts} > ${folder}/page.js
  DEPENDS ${scripts}
  COMMENT "Joining the scripts of report.html")
foreach(name page.html page.css)
  add_custom_command(
    OUTPUT ${folder}/${name}
    COMMAND cp ${PROJECT_SOURCE_DIR}/analysis/report/page/${name} ${folder}/${name}
    DEPENDS analysis/report/page/${name})
endforeach()
target_sources(moesim_documents PRIVATE ${folder}/page.js ${folder}/page.html ${folder}/page.css)
set_source_files_properties(
  analysis/report/assets.cpp
  PROPERTIES COMPILE_DEFINITIONS "MOESIM_REPORT_ASSETS=\"${folder}\""
             OBJECT_DEPENDS "${folder}/page.js;${folder}/page.html;${folder}/page.css;${folder}/echarts.js"
             SKIP_PRECOMPILE_HEADERS ON)
