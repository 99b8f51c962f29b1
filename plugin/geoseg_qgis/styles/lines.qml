<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22" styleCategories="Symbology" labelsEnabled="0">
 <renderer-v2 type="RuleRenderer" symbollevels="1" enableorderby="0" forceraster="0">
  <rules key="lines">
   <rule key="edge" symbol="0" label="edge of the scene or its data" filter="&quot;edge&quot;"/>
   <rule key="clear" symbol="1" label="clear (0.6 and above)" filter="NOT &quot;edge&quot; AND &quot;boundary&quot; &gt;= 0.6"/>
   <rule key="fair" symbol="2" label="fair (0.3 to 0.6)" filter="NOT &quot;edge&quot; AND &quot;boundary&quot; &gt;= 0.3 AND &quot;boundary&quot; &lt; 0.6"/>
   <rule key="faint" symbol="3" label="faint (below 0.3)" filter="NOT &quot;edge&quot; AND &quot;boundary&quot; &lt; 0.3"/>
   <rule key="other" symbol="4" label="border" filter="ELSE"/>
  </rules>
  <symbols>
   <symbol type="line" name="0" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleLine" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="line_color" value="20,24,20,140"/>
      <Option type="QString" name="line_width" value="0.8"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
    <layer class="SimpleLine" enabled="1" locked="0" pass="1">
     <Option type="Map">
      <Option type="QString" name="line_color" value="200,200,200,255"/>
      <Option type="QString" name="line_width" value="0.3"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="dash"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
   </symbol>
   <symbol type="line" name="1" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleLine" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="line_color" value="20,24,20,140"/>
      <Option type="QString" name="line_width" value="1.0"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
    <layer class="SimpleLine" enabled="1" locked="0" pass="1">
     <Option type="Map">
      <Option type="QString" name="line_color" value="0,200,255,255"/>
      <Option type="QString" name="line_width" value="0.5"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
   </symbol>
   <symbol type="line" name="2" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleLine" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="line_color" value="20,24,20,140"/>
      <Option type="QString" name="line_width" value="1.0"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
    <layer class="SimpleLine" enabled="1" locked="0" pass="1">
     <Option type="Map">
      <Option type="QString" name="line_color" value="255,208,0,255"/>
      <Option type="QString" name="line_width" value="0.5"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
   </symbol>
   <symbol type="line" name="3" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleLine" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="line_color" value="20,24,20,140"/>
      <Option type="QString" name="line_width" value="1.0"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
    <layer class="SimpleLine" enabled="1" locked="0" pass="1">
     <Option type="Map">
      <Option type="QString" name="line_color" value="255,40,160,255"/>
      <Option type="QString" name="line_width" value="0.5"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
   </symbol>
   <symbol type="line" name="4" alpha="1" clip_to_extent="1" force_rhr="0">
    <layer class="SimpleLine" enabled="1" locked="0" pass="0">
     <Option type="Map">
      <Option type="QString" name="line_color" value="20,24,20,140"/>
      <Option type="QString" name="line_width" value="1.0"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
    <layer class="SimpleLine" enabled="1" locked="0" pass="1">
     <Option type="Map">
      <Option type="QString" name="line_color" value="0,200,255,255"/>
      <Option type="QString" name="line_width" value="0.5"/>
      <Option type="QString" name="line_width_unit" value="MM"/>
      <Option type="QString" name="line_style" value="solid"/>
      <Option type="QString" name="capstyle" value="round"/>
      <Option type="QString" name="joinstyle" value="round"/>
     </Option>
    </layer>
   </symbol>
  </symbols>
 </renderer-v2>
 <layerGeometryType>1</layerGeometryType>
</qgis>
